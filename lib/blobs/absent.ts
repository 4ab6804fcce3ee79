// Devices that could not be opened, and are tried again while the node runs: a disk that is mounted late, or
// back from a repair, serves without a restart.
import { sentenceOf } from '../unreadable.ts'
import type { Device } from './device.ts'
import type { StoreLog } from './options.ts'

/** A device is tried again after this long at the earliest. */
const RETRY_MS = 1000

export class AbsentDevices {
  readonly #open: (directory: string) => Promise<Device>
  readonly #came: (device: Device) => void
  readonly #log: StoreLog
  readonly #reasons = new Map<string, string>()
  #trying: Promise<void> | undefined
  #retryAtMs = performance.now() + RETRY_MS
  #closed = false

  /** `open` rejects where the device is not there still; `came` takes one over that is. */
  constructor(
    open: (directory: string) => Promise<Device>,
    came: (device: Device) => void,
    log: StoreLog,
  ) {
    this.#open = open
    this.#came = came
    this.#log = log
  }

  /** Why each cannot be used, by its directory. */
  get reasons(): ReadonlyMap<string, string> {
    return this.#reasons
  }

  add(directory: string, error: unknown): void {
    const reason = sentenceOf(error)
    // Once for each reason: it is tried again and again.
    if (this.#reasons.get(directory) === reason) return
    this.#reasons.set(directory, reason)
    this.#log.error({ device: directory, err: error }, 'a device cannot be used')
  }

  /** Tries them again in the background, where there are any and it is time to. */
  retry(): void {
    if (this.#reasons.size === 0 || this.#trying !== undefined || this.#closed) return
    if (performance.now() < this.#retryAtMs) return
    this.#trying = this.#tryAll().finally(() => {
      this.#retryAtMs = performance.now() + RETRY_MS
      this.#trying = undefined
    })
  }

  /** Tries no more. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#trying
  }

  async #tryAll(): Promise<void> {
    for (const directory of [...this.#reasons.keys()]) {
      try {
        this.#came(await this.#open(directory))
        this.#reasons.delete(directory)
        this.#log.info({ device: directory }, 'a device is back')
      } catch (error) {
        this.add(directory, error)
      }
    }
  }
}
