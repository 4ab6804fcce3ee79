// The size of libuv's thread pool: 16 threads, and 8 more for each device. With the default of 4 threads one loaded
// volume makes a read on an idle one wait for 17 ms (D-POOL). libuv reads the variable when the pool is first used,
// so that this module must run before. `threadPoolSize` shows the size that the pool got.
import { readdirSync, readFileSync } from 'node:fs'

const BASE_THREADS = 16
const THREADS_PER_DEVICE = 8
/** libuv's own limit (docs.libuv.org, threadpool). */
const THREADS_MAX = 1024

/** Sets the pool's size for so many devices, unless the environment has a greater one. */
export function sizeThreadPool(devices: number): void {
  const wanted = BASE_THREADS + THREADS_PER_DEVICE * devices
  const given = Number.parseInt(process.env.UV_THREADPOOL_SIZE ?? '', 10) || 0
  process.env.UV_THREADPOOL_SIZE = String(Math.min(Math.max(wanted, given), THREADS_MAX))
}

/**
 * How many threads the pool has. Call it after the first use of the pool, in which libuv starts all threads.
 * Undefined where that cannot be read (no /proc, or a libuv that does not name its threads).
 */
export function threadPoolSize(): number | undefined {
  try {
    const tasks = readdirSync('/proc/self/task')
    const names = tasks.map((task) => readFileSync(`/proc/self/task/${task}/comm`, 'utf8').trim())
    const workers = names.filter((name) => name === 'libuv-worker').length
    return workers === 0 ? undefined : workers
  } catch {
    return undefined
  }
}
