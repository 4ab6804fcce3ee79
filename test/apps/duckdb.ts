// DuckDB: tables are written to the bucket as Parquet and as CSV, in one file and in many, and queried there.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Application, Task } from './app.ts'
import { pypi } from './install.ts'
import { type Place, requireSame } from './place.ts'

const VERSION = '1.5.5'

/** Writes what it made to made.csv and what came back to one file for each form. */
const PROGRAM = `
import sys, duckdb
from duckdb_extensions import import_extension
base, endpoint, ssl, ca, access, secret = sys.argv[1:7]
db = duckdb.connect()
import_extension('httpfs', con=db)
db.execute("LOAD httpfs")
db.execute("SET threads = 2")
if ssl == 'true':
    db.execute(f"SET ca_cert_file = '{ca}'")
db.execute(f"""CREATE SECRET (TYPE s3, KEY_ID '{access}', SECRET '{secret}', REGION 'us-east-1',
    ENDPOINT '{endpoint}', URL_STYLE 'path', USE_SSL {ssl})""")
db.execute("""CREATE TABLE made AS SELECT n, hash(n) AS h, repeat(md5(n::text), (1 + n % 7)::int) AS text,
    n % 5 AS part FROM range(300000) numbers(n)""")
order = "(SELECT n, h, text, part FROM %s ORDER BY n)"
def show(table, file):
    db.execute("COPY " + order % table + f" TO '{file}' (HEADER)")
show('made', 'made.csv')
db.execute(f"COPY made TO '{base}/one.parquet' (FORMAT parquet)")
show(f"read_parquet('{base}/one.parquet')", 'one.csv')
db.execute(f"COPY made TO '{base}/many' (FORMAT parquet, PARTITION_BY (part))")
show(f"read_parquet('{base}/many/*/*.parquet')", 'many.csv')
db.execute(f"COPY made TO '{base}/text.csv.gz' (HEADER)")
columns = "{'n': 'BIGINT', 'h': 'UBIGINT', 'text': 'VARCHAR', 'part': 'BIGINT'}"
show(f"read_csv('{base}/text.csv.gz', columns={columns})", 'text.csv')
`

async function writeAndQuery(place: Place, python: string, tls: boolean): Promise<void> {
  const program = place.path('program.py')
  writeFileSync(program, PROGRAM)
  const where = [`s3://${place.bucket}/duck`, place.host({ tls }), String(tls), place.caFile]
  await place.run(python, [program, ...where, place.access, place.secret])
  const made = readFileSync(place.path('made.csv'))
  for (const form of ['one', 'many', 'text']) {
    requireSame(readFileSync(place.path(`${form}.csv`)), made, `the table as ${form}`)
  }
}

export const duckdb: Application = {
  name: 'DuckDB',
  async install() {
    const packages = ['duckdb', 'duckdb-extensions', 'duckdb-extension-httpfs']
    const exact = packages.map((name) => `${name}==${VERSION}`)
    const python = join(pypi('duckdb', ...exact), 'python')
    const task = (tls: boolean): Task => ({
      api: tls ? 'S3 V4, TLS' : 'S3 V4',
      key: 'node',
      run: (place) => writeAndQuery(place, python, tls),
    })
    return { version: VERSION, tasks: [task(false), task(true)] }
  },
}
