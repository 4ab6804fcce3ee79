// Delta Lake (delta-rs): a table is written, appended to and changed, and read back, also as it was.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Application, Task } from './app.ts'
import { pypi } from './install.ts'
import { type KeyHolder, type Place, requireSame } from './place.ts'

const VERSIONS = { deltalake: '1.6.6', pyarrow: '26.0.1' }

/** Prints each version of the table as CSV, sorted; and then what it should be. */
const PROGRAM = `
import json, os, sys
import pyarrow as pa, pyarrow.csv as csv
from deltalake import DeltaTable, write_deltalake
url, options = sys.argv[1], json.loads(sys.argv[2])

def rows(first, count):
    numbers = range(first, first + count)
    return pa.table({
        'n': pa.array(numbers, pa.int64()),
        'text': [('%d \\u00fc\\u5199' % n) * (n % 50) for n in numbers],
        'blob': [os.urandom(n % 100).hex() for n in numbers],
    })

def show(table):
    sink = pa.BufferOutputStream()
    csv.write_csv(table.select(['n', 'text', 'blob']).sort_by('n'), sink)
    return sink.getvalue().to_pybytes().decode()

def read(version=None):
    return pa.table(DeltaTable(url, version=version, storage_options=options).to_pyarrow_table())

first, second = rows(0, 60000), rows(60000, 5000)
write_deltalake(url, first, storage_options=options)
write_deltalake(url, second, mode='append', storage_options=options)
table = DeltaTable(url, storage_options=options)
table.delete('n < 100')
table.optimize.compact()
table.create_checkpoint()
found = [show(read(0)), show(read(1)), show(read())]
wanted = [show(first), show(pa.concat_tables([first, second])),
          show(pa.concat_tables([first, second]).slice(100))]
json.dump([found, wanted], open('out.json', 'w'))
`

async function writeAndRead(place: Place, python: string, tls: boolean, key: KeyHolder) {
  const program = place.path('program.py')
  writeFileSync(program, PROGRAM)
  const options = {
    AWS_ENDPOINT_URL: `http${tls ? 's' : ''}://${place.host({ tls })}`,
    AWS_ACCESS_KEY_ID: place.access,
    AWS_SECRET_ACCESS_KEY: place.secret,
    AWS_REGION: 'us-east-1',
    AWS_ALLOW_HTTP: String(!tls),
    // Without it two writers are kept apart by a service of AWS's; with it by If-None-Match.
    aws_conditional_put: 'etag',
    ...(key === 'customer' && {
      aws_server_side_encryption: 'sse-c',
      aws_sse_customer_key_base64: place.key.base64,
    }),
  }
  const args = [program, `s3://${place.bucket}/table`, JSON.stringify(options)]
  await place.run(python, args)
  const [found, wanted] = place.readJson<[string[], string[]]>('out.json')
  for (const [i, version] of ['first', 'second', 'last'].entries()) {
    requireSame(found[i]!, wanted[i]!, `the ${version} version of the table`)
  }
}

export const deltalake: Application = {
  name: 'Delta Lake (delta-rs)',
  async install() {
    const packages = Object.entries(VERSIONS).map(([name, version]) => `${name}==${version}`)
    const python = join(pypi('deltalake', ...packages), 'python')
    const task = (tls: boolean, key: KeyHolder): Task => ({
      api: tls ? 'S3 V4, TLS' : 'S3 V4',
      key,
      run: (place) => writeAndRead(place, python, tls, key),
    })
    return { version: VERSIONS.deltalake, tasks: [task(false, 'node'), task(true, 'customer')] }
  },
}
