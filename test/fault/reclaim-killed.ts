// A process for reclaim-kill.test.ts: reclaims one volume, and is killed by itself just before the n-th call
// that reclaim makes to the engine. What is live comes as a file of JSON.
import { readFileSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { classicEngine, type Database, type Engine, type Keys } from '../../lib/level.ts'
import type { SavedBlob } from '../helpers/blobs.ts'
import { openStore } from '../helpers/volumes.ts'

export interface Job {
  readonly directory: string
  readonly volume: string
  /** Id, and pieces of the locator in hex, of each live blob. */
  readonly live: readonly (readonly [id: string, pieces: readonly string[]])[]
  /** The call before which the process dies; one that is never reached lets it finish. */
  readonly nth: number
}

export function jobOf(
  directory: string,
  volume: string,
  live: readonly SavedBlob[],
  nth: number,
): Job {
  const pieces = ({ locator }: SavedBlob) => locator.pieces.map((piece) => piece.toString('hex'))
  return { directory, volume, live: live.map((blob) => [blob.id, pieces(blob)] as const), nth }
}

class Killer {
  #left = Number.POSITIVE_INFINITY

  /** Counts from now on. */
  arm(nth: number): void {
    this.#left = nth
  }

  call(): void {
    this.#left--
    if (this.#left === 0) process.kill(process.pid, 'SIGKILL')
  }

  /** `target` with each method counted as a call. */
  watch<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (_, name) => {
        const method = Reflect.get(target, name)
        if (typeof method !== 'function') return method
        return (...args: unknown[]) => {
          this.call()
          return method.apply(target, args)
        }
      },
    })
  }
}

function killingEngine(killer: Killer): Engine {
  return {
    ...killer.watch({ ...classicEngine }),
    async open<E extends keyof Keys>(
      location: string,
      options: Parameters<Engine['open']>[1] & { keyEncoding: E },
    ): Promise<Database<Keys[E]>> {
      killer.call()
      const db = await classicEngine.open(location, options)
      return killer.watch(db) as Database<Keys[E]>
    },
    async openFile(path) {
      killer.call()
      return killer.watch(await classicEngine.openFile(path))
    },
    // File by file, as the system does it.
    async destroy(location) {
      killer.call()
      const names = await readdir(location).catch(() => [])
      for (const name of names.sort()) {
        await rm(join(location, name))
        killer.call()
      }
      await classicEngine.destroy(location)
    },
  }
}

async function reclaimAndDie(job: Job): Promise<void> {
  const killer = new Killer()
  const store = await openStore(killingEngine(killer), job.directory)
  killer.arm(job.nth)
  await store.reclaim(
    job.volume,
    async (live) => {
      for (const [id, pieces] of job.live) {
        live.add(
          id,
          pieces.map((piece) => Buffer.from(piece, 'hex')),
        )
      }
      return 0
    },
    { signal: new AbortController().signal, pace: async () => {}, progress: () => {} },
  )
}

if (import.meta.main) await reclaimAndDie(JSON.parse(readFileSync(process.argv[2]!, 'utf8')))
