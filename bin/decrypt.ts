// `coffer decrypt`: writes stored objects out in plaintext, given the data directory and the keys. It is for
// the day on which no coffer runs any more. It also proves that docs/format.md is complete: it was written from
// that document, and imports nothing of the server. It writes nothing but its output.
import { closeSync, openSync, realpathSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { listAll, writeAll } from './decrypt/all.ts'
import { openVersion, plaintext } from './decrypt/body.ts'
import { findVersion, openBackedUp, openCatalog } from './decrypt/catalog.ts'
import { exitCodes, Failure } from './decrypt/failure.ts'
import { writeObject } from './decrypt/output.ts'
import { parseRequest, type Request, USAGE } from './decrypt/request.ts'
import { noteRights, Rights } from './decrypt/rights.ts'
import { Volumes } from './decrypt/volumes.ts'

export { USAGE }

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

type Work = Exclude<Request, { what: 'help' }>

async function decrypt(request: Work, signal: AbortSignal): Promise<void> {
  const { data, devices, backup } = request.where
  if (data !== undefined) await refuseRunning(data)
  const shadows = await mkdtemp(join(tmpdir(), 'coffer-decrypt-'))
  const open: { close(): Promise<void> }[] = []
  try {
    const catalog =
      backup === undefined
        ? await openCatalog(data!, join(shadows, 'catalog'))
        : await openBackedUp(backup)
    open.push(catalog.rows)
    const { rootKeys } = request
    catalog.rights = rootKeys && new Rights(rootKeys, catalog.id)
    if (rootKeys === undefined) {
      process.stderr.write('coffer decrypt: rights were not checked, which takes --keyring\n')
    }
    if (request.what !== 'object') await noteRights(catalog)
    const volumes = new Volumes(devices, catalog, shadows)
    open.unshift(volumes)
    if (request.what === 'list') return await listAll(catalog, request.scope, signal)
    if (request.what === 'all') {
      return await writeAll(catalog, volumes, request.keys, request, signal)
    }
    const version = await findVersion(catalog, request.name, request.version)
    const opened = openVersion(request.keys, request.name, version)
    await writeObject(plaintext(catalog, volumes, version, opened), request.out, signal)
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
    if (request.what === 'help') process.stdout.write(USAGE)
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
