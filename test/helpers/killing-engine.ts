// An engine whose process kills itself just before the n-th call: as by SIGKILL, or by a power cut that loses
// nothing, at any step of the tested work.
import { link, mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { classicEngine, type Database, type Engine, type Keys } from '../../lib/leveldb/engine.ts'

/** Kills this process before the n-th call. */
export class Killer {
  #left = Number.POSITIVE_INFINITY

  /** Counts calls from now on. */
  arm(nth: number): void {
    this.#left = nth
  }

  call(): void {
    this.#left--
    if (this.#left === 0) process.kill(process.pid, 'SIGKILL')
  }

  /** `target`, with each method counted as a call. */
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

/** LevelDB on the local filesystem, with each call counted by `killer`. */
export function killingEngine(killer: Killer): Engine {
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
    async openData(path, flags) {
      killer.call()
      return killer.watch(await classicEngine.openData(path, flags))
    },
    async openFile(path) {
      killer.call()
      return killer.watch(await classicEngine.openFile(path))
    },
    async link(location, to) {
      killer.call()
      await mkdir(to)
      const names = (await readdir(location)).sort()
      for (const [i, name] of names.entries()) {
        if (i === names.length >> 1) killer.call()
        await link(join(location, name), join(to, name))
      }
      killer.call()
      await classicEngine.syncDirectory(to)
    },
    // Deletes file by file, as the system does.
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
