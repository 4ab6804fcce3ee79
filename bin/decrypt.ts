// `coffer decrypt`: writes a stored object out in plaintext, given the data directory and the key. It is for
// the day on which no coffer runs any more. It also proves that docs/format.md is complete: it was written from
// that document, and imports nothing of the server. It writes nothing but its output.
import { createHash } from 'node:crypto'
import { closeSync, createWriteStream, existsSync, openSync, realpathSync } from 'node:fs'
import { mkdtemp, rename, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import * as catalog from './decrypt/catalog.ts'
import { type Database, openDatabase } from './decrypt/database.ts'
import { exitCodes, Failure } from './decrypt/failure.ts'
import { customerKeySource, type KeySource, keyringSource } from './decrypt/keys.ts'
import { partsOf, provenSegments } from './decrypt/parts.ts'
import {
  blobKeyOf,
  type Opened,
  openEnvelope,
  openSealedRecord,
  recordsOf,
} from './decrypt/sealed.ts'
import { Volumes } from './decrypt/volumes.ts'

/** The text of --help, which is in the man page too. */
export const USAGE = `Usage: coffer decrypt --data DIR [--devices DIR,...] --account A --container C --object O
         [--version ID] (--key-file FILE | --keyring FILE) [--out FILE]

Turns a stored object back into bytes. No coffer may run on DIR, and nothing in it is changed.

  --data DIR        the data directory, or a copy of it
  --devices DIR,... where the volumes are (default: volumes in the data directory)
  --version ID      that version; null for the null version (default: the current one)
  --key-file FILE   the customer key: 32 bytes, or their hex or base64
  --keyring FILE    the operator's root keys
  --out FILE        where to write (default: standard output). FILE must not exist; it appears
                    once the whole object has been found right

Exit codes: 0 done, 1 failed, 2 usage, 3 no such object, 4 wrong key, 5 damaged, 6 coffer is running.
What came out on standard output is the object only if the exit code is 0.
`

interface Request extends catalog.ObjectName {
  readonly data: string
  readonly devices: readonly string[]
  readonly version: string | undefined
  readonly keys: KeySource
  readonly out: string | undefined
}

const text = { type: 'string' } as const

function parseRequest(argv: readonly string[]): Request | 'help' {
  let values: Record<string, string | boolean | undefined>
  try {
    values = parseArgs({
      args: [...argv],
      options: {
        data: text,
        devices: text,
        account: text,
        container: text,
        object: text,
        version: text,
        'key-file': text,
        keyring: text,
        out: text,
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (error) {
    throw new Failure('usage', (error as Error).message)
  }
  if (values.help) return 'help'
  const given = (name: string) => values[name] as string | undefined
  const required = (name: string) => {
    const value = given(name)
    if (!value) throw new Failure('usage', `--${name} is missing`)
    return value
  }
  const [keyFile, keyring] = [given('key-file'), given('keyring')]
  if ((keyFile === undefined) === (keyring === undefined)) {
    throw new Failure('usage', 'give either --key-file or --keyring')
  }
  const data = required('data')
  return {
    data,
    devices: given('devices')?.split(',') ?? [join(data, 'volumes')],
    account: required('account'),
    container: required('container'),
    object: required('object'),
    version: given('version'),
    keys: keyFile === undefined ? keyringSource(keyring!) : customerKeySource(keyFile),
    out: given('out'),
  }
}

/** Refuses a data directory on which a coffer runs, whose lock is the control socket. The socket is reached
 * through a descriptor of its directory, because a socket's path has at most 107 bytes (unix(7)). */
async function refuseRunning(data: string): Promise<void> {
  let directory: number
  try {
    directory = openSync(data, 'r')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new Failure('failed', `cannot read the data directory ${data}: ${code}`)
  }
  try {
    await new Promise<void>((resolve, reject) => {
      const socket = connect(`/proc/self/fd/${directory}/control.sock`)
      socket.once('connect', () => {
        socket.destroy()
        reject(new Failure('running', 'a coffer runs on this data directory: stop it, or copy it'))
      })
      socket.once('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve()
        else reject(new Failure('running', `cannot tell whether a coffer runs: ${error.code}`))
      })
    })
  } finally {
    closeSync(directory)
  }
}

/** Plaintext of the whole body. Ends only after every size and digest was verified. */
async function* plaintext(
  db: Database,
  volumes: Volumes,
  version: catalog.StoredVersion,
  opened: Opened,
): AsyncGenerator<Buffer> {
  const list = await partsOf(db, version, opened)
  const total = list.reduce((sum, { size }) => sum + size, 0)
  if (total !== version.size || total !== (opened.size ?? total)) {
    const claimed = opened.size ?? version.size
    throw new Failure('damaged', `the body has ${total} bytes, not ${claimed}`)
  }
  if (version.envelope.kind === 1 && version.parts === 0 && opened.md5 !== null) {
    if (opened.md5.toString('hex') !== version.etag) {
      throw new Failure('damaged', 'the ETag of the version is not the sealed MD5')
    }
  }
  const md5 = createHash('md5')
  for await (const segment of provenSegments(db, version.body, list)) {
    const { part, size } = segment
    const key = blobKeyOf(opened.bodyKey, segment.blob, part)
    const records = segment.inline === null ? volumes.records(segment) : [segment.inline]
    let index = 0
    for await (const sealed of records) {
      const plain = openSealedRecord(key, size, index++, sealed)
      md5.update(plain)
      if (plain.length > 0) yield plain
    }
    if (index !== recordsOf(size)) throw new Failure('damaged', `segment ${part} is not whole`)
  }
  if (opened.md5 !== null && !md5.digest().equals(opened.md5)) {
    throw new Failure('damaged', 'the MD5 of the content is not the sealed one')
  }
}

async function writeOut(bytes: Readable, out: string | undefined, signal: AbortSignal) {
  if (out === undefined) return await pipeline(bytes, process.stdout, { end: false, signal })
  if (existsSync(out)) throw new Failure('failed', `${out} exists already`)
  const partial = `${out}.partial`
  const file = createWriteStream(partial, { flags: 'wx', mode: 0o600, flush: true })
  // A partial file that another process is writing must not be removed.
  const made = new Promise((resolve) =>
    file.once('open', () => resolve(true)).once('error', resolve),
  )
  try {
    await pipeline(bytes, file, { signal })
    await rename(partial, out)
  } catch (error) {
    if ((await made) === true) await rm(partial, { force: true })
    throw error
  }
}

async function decrypt(request: Request, signal: AbortSignal): Promise<void> {
  await refuseRunning(request.data)
  const shadows = await mkdtemp(join(tmpdir(), 'coffer-decrypt-'))
  const open: { close(): Promise<void> }[] = []
  try {
    const db = await openDatabase(join(request.data, 'catalog'), join(shadows, 'catalog'))
    open.push(db)
    const catalogId = await catalog.readCatalogId(db)
    const version = await catalog.findVersion(db, request, request.version)
    const { versionId, envelope } = version
    const { account, container, object } = request
    const key = request.keys(envelope)
    const opened = openEnvelope(key, { versionId, account, container, object }, envelope)
    const volumes = new Volumes(request.devices, db, catalogId, shadows)
    open.unshift(volumes)
    await writeOut(Readable.from(plaintext(db, volumes, version, opened)), request.out, signal)
  } finally {
    for (const one of open) await one.close()
    await rm(shadows, { recursive: true, force: true })
  }
}

/**
 * Runs the program with the arguments behind `decrypt`, and returns the exit code. Error messages go to
 * standard error. An interrupted run removes its temporary files.
 */
export async function main(argv: readonly string[]): Promise<number> {
  const interruption = new AbortController()
  const interrupt = () => interruption.abort()
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  try {
    const request = parseRequest(argv)
    if (request === 'help') process.stdout.write(USAGE)
    else await decrypt(request, interruption.signal)
    return exitCodes.done
  } catch (error) {
    const failure = error instanceof Failure ? error : undefined
    const reason = interruption.signal.aborted ? 'interrupted' : String(error)
    process.stderr.write(`coffer decrypt: ${failure?.message ?? reason}\n`)
    if (failure?.exit === 'usage') process.stderr.write(`\n${USAGE}`)
    return exitCodes[failure?.exit ?? 'failed']
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
  }
}

if (process.argv[1] && realpathSync(process.argv[1]) === import.meta.filename) {
  process.exitCode = await main(process.argv.slice(2))
}
