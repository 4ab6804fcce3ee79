// The library in test/fault/shim between a process and a directory of its disk. It is built with the machine's
// C compiler. A mapped file sets which change fails, and recorded-disk.ts reads the record of all changes.
import { appendFileSync, closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { buildPreload } from './preload.ts'

/** Order of the numbers in the mapped file, 64 bits each: `struct control` in disk-shim.c. */
const FIELDS = ['countdown', 'error', 'lasting', 'changes', 'failed'] as const

export interface Shim {
  /** The directory of the shim's files, removed with the test. */
  readonly directory: string
  /** The environment of a process whose changes below `root` go through the shim. */
  environment(root: string): Record<string, string>
  /** The sector at `offset` cannot be read by the next process, or after the next opening of the file. */
  spoil(file: string, offset: number, fault?: ReadFault): void
  /** The file cannot be opened from its next opening on. */
  lock(file: string, fault: ReadFault): void
  /** Everything can be read from the next opening of a file on. */
  mend(): void
  /** The file with the record of all changes. */
  readonly logFile: string
  readonly control: ShimControl
}

/** Errors of a failing change. */
export type Fault = 'ENOSPC' | 'EIO'

/** Errors of a read, or of opening a file to read it. */
export type ReadFault = 'EIO' | 'EACCES' | 'EPERM' | 'EMFILE' | 'ENFILE' | 'ENOMEM'

/** The mapped file. A process on the shim may use it for itself. */
export class ShimControl {
  readonly file: string
  readonly #fd: number

  constructor(file: string, { create = false } = {}) {
    this.file = file
    this.#fd = openSync(file, create ? 'w+' : 'r+')
    if (create) writeSync(this.#fd, Buffer.alloc(FIELDS.length * 8))
  }

  /** Makes the n-th change from now on fail; where `lasting`, all later ones too. */
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

  /** Number of changes so far. */
  get changes(): number {
    return this.#read('changes')
  }

  /** Number of changes that failed since `fail`. */
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

/** Builds the shim, which needs Linux and a C compiler. Returns the reason where a test must be skipped. */
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
