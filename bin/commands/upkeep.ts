// The node's side of `backup`, `key` and `rewrap`: handlers for its control socket. Where no node runs, the
// command line takes the lock and calls the same handlers itself, on the catalog only.
import { BackupSession } from '../../lib/catalog/backup-session.ts'
import type { Catalog } from '../../lib/catalog/catalog.ts'
import type { Config } from '../../lib/config/config.ts'
import {
  acquireControl,
  type ControlHandlers,
  ControlRefused,
  callControl,
} from '../../lib/control.ts'
import { openKeyring } from '../../lib/crypto/keyring.ts'
import { type ReplaceableKeyring, replaceableKeyring } from '../../lib/crypto/keyring-edit.ts'
import { CofferError } from '../../lib/errors.ts'
import { FileInvalid } from '../../lib/file-invalid.ts'
import { makeLog } from '../../lib/log.ts'
import { openCatalog, openCatalogBeside, requireCatalog } from '../../lib/open-catalog.ts'
import { type RewrapProgress, startRewrap } from '../../lib/upkeep/rewrap.ts'
import { countUses } from '../../lib/upkeep/root-keys.ts'
import { ROWS_RATE_MAX } from '../option-values.ts'
import { reloadKeyring, wrappingNow } from './keyring.ts'

/** The stores of the handlers, read at each call, because the socket exists before the stores. */
export interface UpkeepParts {
  readonly catalog: Catalog
  readonly keyring: ReplaceableKeyring
  /** Called when the keyring was replaced: what is in memory of rows was read with the earlier one. */
  readonly keyringReplaced?: () => Promise<void>
}

export interface Upkeep {
  readonly handlers: ControlHandlers
  /** Ends what is under way. Must be called before the catalog is closed. */
  close(): Promise<void>
}

/** Sends a verb, and returns its answer: from the node, or from handlers of this process. */
export type Call = (verb: string, args?: object) => Promise<Record<string, unknown>>

/** The error with its details in the message, because only the message goes over the socket. */
function inWords(error: unknown): unknown {
  if (!(error instanceof CofferError)) return error
  const { message, what, key } = error.details
  const said = message ?? what ?? error.code
  return new Error(key === undefined ? `${said}` : `${said} (row ${JSON.stringify(key)})`, {
    cause: error,
  })
}

function field(args: unknown, name: string): string {
  const value = (args as Record<string, unknown> | null)?.[name]
  if (typeof value !== 'string') throw new Error(`${name} must be text`)
  return value
}

export function makeUpkeep(config: Config, parts: () => UpkeepParts): Upkeep {
  let session: BackupSession | undefined
  let rewrap: Rewrapping | undefined
  const backup = () => {
    session ??= new BackupSession(parts().catalog)
    return session
  }
  let reloading: Promise<unknown> = Promise.resolve()
  const rewrapping = () => (rewrap?.running ? rewrap.active : undefined)
  const handlers: ControlHandlers = {
    'backup-begin': async () => {
      if (rewrap?.running) throw new Error('a rewrap is under way: back up when it is done')
      return await backup().begin()
    },
    'backup-page': async (args) => {
      const page = await backup().page(field(args, 'id'), field(args, 'after'))
      return { ...page, bytes: page.bytes.toString('base64') }
    },
    'backup-end': async (args) => {
      await backup().end(field(args, 'id'))
      return {}
    },
    'keyring-reload': () => {
      // One after another, so that what is in force is what the file last said.
      const read = reloading.then(async () => {
        const next = await reloadKeyring(config.keyring, parts(), rewrapping)
        await parts().keyringReplaced?.()
        return next
      })
      reloading = read.catch(() => {})
      return read.then(({ active, ids }) => ({ active, ids }))
    },
    'keyring-uses': async () => {
      const { catalog, keyring } = parts()
      const uses = await countUses(catalog, () => wrappingNow(keyring, rewrapping))
      const { active, ids } = keyring
      return { active, ids, uses: Object.fromEntries(uses) }
    },
    'rewrap-start': async (args) => {
      if (rewrap?.running) return { joined: true }
      if (backup().running) throw new Error('a backup is being taken: rewrap when it is done')
      rewrap = new Rewrapping(parts(), args)
      return { joined: false }
    },
    'rewrap-status': async () => {
      if (rewrap === undefined) throw new Error('no rewrap was begun')
      return rewrap.status()
    },
  }
  return {
    handlers: Object.fromEntries(
      Object.entries(handlers).map(([verb, handle]) => [
        verb,
        (args: unknown) =>
          handle(args).catch((error) => {
            throw inWords(error)
          }),
      ]),
    ),
    async close() {
      await rewrap?.close()
      await session?.close()
    },
  }
}

/** One run of rewrap, and its outcome. */
class Rewrapping {
  readonly #progress: RewrapProgress
  readonly #done: Promise<void>
  #error: unknown
  #closed = false
  running = true

  /** Throws where the arguments are wrong. */
  constructor({ catalog, keyring }: UpkeepParts, args: unknown) {
    const { from, rowsPerSecond } = (args ?? {}) as { from?: unknown; rowsPerSecond?: unknown }
    const isRate = Number.isInteger(rowsPerSecond) && (rowsPerSecond as number) >= 1
    if (!isRate || (rowsPerSecond as number) > ROWS_RATE_MAX) {
      throw new Error(`the rate is 1 to ${ROWS_RATE_MAX} rows a second`)
    }
    if (from !== undefined && (typeof from !== 'string' || keyring.key(from) === undefined)) {
      throw new Error(`the keyring has no key ${from}`)
    }
    if (from === keyring.active) throw new Error(`the key ${from} is the active one`)
    const { progress, done } = startRewrap({ catalog }, keyring, {
      ...(typeof from === 'string' ? { from } : {}),
      rowsPerSecond: rowsPerSecond as number,
      closed: () => this.#closed,
    })
    this.#progress = progress
    this.#done = done
      .catch((error) => {
        this.#error = inWords(error)
      })
      .finally(() => {
        this.running = false
      })
  }

  /** Id of the key that wraps. */
  get active(): string {
    return this.#progress.active
  }

  status(): object {
    if (this.#error !== undefined) throw this.#error
    return { ...this.#progress, running: this.running }
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#done
  }
}

/**
 * Calls `work` with the node on the data directory, or with handlers on its catalog where no node runs. Rejects
 * with FileInvalid where there is no catalog, DataDirectoryInUse, ControlRefused, and the errors of the
 * handlers.
 */
export function withUpkeep<T>(config: Config, work: (call: Call) => Promise<T>): Promise<T> {
  let running = false
  let own: Call | undefined
  return untilInterrupted(work, async (open, verb, args) => {
    if (own === undefined) {
      const answer = await callControl(config.data, verb, args)
      running ||= answer !== null
      if (answer !== null) return answer
      if (running) throw new ControlRefused('the node ended before the work was done')
      own = callerOf(await takePlace(config, open))
    }
    return await own(verb, args)
  })
}

/**
 * As `withUpkeep`, for a backup. A catalog in Redis is read by this process, beside the node, which may be
 * stopped or end meanwhile. Rejects also with StoreUnavailable and StoreCorrupt, as `openCatalogBeside` does.
 */
export function withBackup<T>(config: Config, work: (call: Call) => Promise<T>): Promise<T> {
  const { catalog: place } = config
  if (place === 'level') return withUpkeep(config, work)
  let own: Call | undefined
  return untilInterrupted(work, async (open, verb, args) => {
    if (own === undefined) {
      const catalog = await openCatalogBeside(config, place.redis, makeLog('error', process.stderr))
      open.push(() => catalog.close())
      own = callerOf(handlersOn(config, catalog, open))
    }
    return await own(verb, args)
  })
}

/** Functions that close what was opened for the work. */
type Open = (() => Promise<void>)[]

/** Runs `work`, whose calls go to `answer` until a signal comes, and closes what was opened for it. */
async function untilInterrupted<T>(
  work: (call: Call) => Promise<T>,
  answer: (open: Open, verb: string, args: object) => Promise<Record<string, unknown>>,
): Promise<T> {
  const open: Open = []
  let stopped = false
  const stop = () => {
    stopped = true
  }
  process.once('SIGINT', stop).once('SIGTERM', stop)
  try {
    return await work(async (verb, args = {}) => {
      // Verbs that release something are sent even after a signal.
      if (stopped && !verb.endsWith('-end')) throw new ControlRefused('interrupted')
      return await answer(open, verb, args)
    })
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop)
    for (const close of open.reverse()) await close()
  }
}

/** Calls handlers of this process. */
function callerOf(handlers: ControlHandlers): Call {
  return async (verb, args = {}) => {
    try {
      return (await handlers[verb]!(args)) as Record<string, unknown>
    } catch (error) {
      throw error instanceof FileInvalid ? error : new ControlRefused((error as Error).message)
    }
  }
}

async function takePlace(config: Config, open: Open): Promise<ControlHandlers> {
  await requireCatalog(config)
  const lock = await acquireControl(config.data, {})
  open.push(() => lock.close())
  const opened = await openCatalog(config, makeLog('error', process.stderr))
  open.push(() => opened.close())
  return handlersOn(config, opened.catalog, open)
}

function handlersOn(config: Config, catalog: Catalog, open: Open): ControlHandlers {
  let keyring: ReplaceableKeyring | undefined
  const upkeep = makeUpkeep(config, () => ({
    catalog,
    // A backup needs no keyring, and must work where the keyring is lost.
    get keyring() {
      keyring ??= replaceableKeyring(openKeyring(config.keyring, { create: false }))
      return keyring
    },
  }))
  open.push(() => upkeep.close())
  return upkeep.handlers
}
