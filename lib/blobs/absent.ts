// Devices that could not be opened. Each is opened again every second while the node runs, so that a disk which
// is mounted late, or comes back from a repair, serves without a restart.
import { sentenceOf } from '../unreadable.ts'
import type { Device } from './device.ts'
import type { StoreLog } from './options.ts'

/** The least time between two attempts to open the absent devices. */
const RETRY_MS = 1000

export class AbsentDevices {
  readonly #open: (directory: string) => Promise<Device>
  readonly #came: (device: Device) => void
  readonly #log: StoreLog
  readonly #reasons = new Map<string, string>()
  #trying: Promise<void> | undefined
  #retryAtMs = performance.now() + RETRY_MS
  #closed = false

  /** `open` rejects while the device cannot be used. `came` receives a device that could be opened. */
  constructor(
    open: (directory: string) => Promise<Device>,
    came: (device: Device) => void,
    log: StoreLog,
  ) {
    this.#open = open
    this.#came = came
    this.#log = log
  }

  /** Why each device cannot be used, by its directory. */
  get reasons(): ReadonlyMap<string, string> {
    return this.#reasons
  }

  add(directory: string, error: unknown): void {
    const reason = sentenceOf(error)
    // The attempts go on, so that each reason is logged once.
    if (this.#reasons.get(directory) === reason) return
    this.#reasons.set(directory, reason)
    this.#log.error({ device: directory, err: error }, 'a device cannot be used')
  }

  /** Starts an attempt in the background, where a device is absent and RETRY_MS are over. Returns at once. */
  retry(): void {
    if (this.#reasons.size === 0 || this.#trying !== undefined || this.#closed) return
    if (performance.now() < this.#retryAtMs) return
    this.#trying = this.#tryAll().finally(() => {
      this.#retryAtMs = performance.now() + RETRY_MS
      this.#trying = undefined
    })
  }

  /** Waits for the attempt under way. No other follows. */
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
