// The library of test/fault/shim, which stands between a process and a directory of its disk: built with the
// machine's C compiler, told through a mapped file which change is to fail, and read back by recorded-disk.ts.
import { appendFileSync, closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { buildPreload } from './preload.ts'

/** Order of the numbers in the mapped file, 64 bits each: `struct control` in disk-shim.c. */
const FIELDS = ['countdown', 'error', 'lasting', 'changes', 'failed'] as const

export interface Shim {
  /** Where its files lie; they go with the test. */
  readonly directory: string
  /** The environment of a process that is to run on it, below `root`. */
  environment(root: string): Record<string, string>
  /** From the next process on, or the next opening of a file, the sector that begins at `offset` cannot be read. */
  spoil(file: string, offset: number, fault?: ReadFault): void
  /** From the next opening on, a file cannot be opened. */
  lock(file: string, fault: ReadFault): void
  /** From the next opening of a file on, everything can be read. */
  mend(): void
  /** Where every change is recorded. */
  readonly logFile: string
  readonly control: ShimControl
}

/** What a failing change says. */
export type Fault = 'ENOSPC' | 'EIO'

/** What a reading, or an opening to read, says. */
export type ReadFault = 'EIO' | 'EACCES' | 'EPERM' | 'EMFILE' | 'ENFILE' | 'ENOMEM'

/** The mapped file. May be used by the process itself that runs on the shim. */
export class ShimControl {
  readonly file: string
  readonly #fd: number

  constructor(file: string, { create = false } = {}) {
    this.file = file
    this.#fd = openSync(file, create ? 'w+' : 'r+')
    if (create) writeSync(this.#fd, Buffer.alloc(FIELDS.length * 8))
  }

  /** Makes the n-th change from now on fail, and where it lasts all that follow it. */
  fail(n: number, fault: Fault, lasting: boolean): void {
    this.#write('error', constants.errno[fault])
    this.#write('lasting', lasting ? 1 : 0)
    this.#write('failed', 0)
    this.#write('countdown', n)
  }

  /** Lets every change succeed again. */
  heal(): void {
    this.#write('countdown', 0)
  }

  /** Changes seen so far. */
  get changes(): number {
    return this.#read('changes')
  }

  /** Changes that were made to fail since `fail`. */
  get failed(): number {
    return this.#read('failed')
  }

  close(): void {
    closeSync(this.#fd)
  }

  #write(field: (typeof FIELDS)[number], value: number): void {
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64LE(BigInt(value))
    writeSync(this.#fd, bytes, 0, 8, FIELDS.indexOf(field) * 8)
  }

  #read(field: (typeof FIELDS)[number]): number {
    const bytes = Buffer.alloc(8)
    readSync(this.#fd, bytes, 0, 8, FIELDS.indexOf(field) * 8)
    return Number(bytes.readBigInt64LE())
  }
}

/** Builds the shim, or says why a test has to be skipped: it needs Linux and a C compiler. */
export function buildShim(t: { teardown(fn: () => void): unknown }): Shim | string {
  const built = buildPreload(t, 'disk-shim')
  if (typeof built === 'string') return built
  const { directory, library } = built
  const control = new ShimControl(join(directory, 'control'), { create: true })
  t.teardown(() => control.close())
  const badFile = join(directory, 'bad')
  const logFile = join(directory, 'changes')
  return {
    directory,
    logFile,
    control,
    spoil: (file, offset, fault = 'EIO') =>
      appendFileSync(badFile, `${constants.errno[fault]} ${offset} ${file}\n`),
    lock: (file, fault) => appendFileSync(badFile, `${constants.errno[fault]} -1 ${file}\n`),
    mend: () => rmSync(badFile, { force: true }),
    environment: (root) => ({
      LD_PRELOAD: library,
      DISK_SHIM_ROOT: root,
      DISK_SHIM_LOG: logFile,
      DISK_SHIM_CONTROL: control.file,
      DISK_SHIM_BAD: badFile,
    }),
  }
}
