// Files that hold secrets: written whole or not at all, and readable by their owner alone.
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  mkdirSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname, resolve } from 'node:path'
import { FileInvalid } from './file-invalid.ts'

/** Makes the directory with mode 0700 where it is missing, its parents too, durably. */
export function makePrivateDirectory(directory: string): void {
  const first = mkdirSync(directory, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  const top = dirname(resolve(first))
  for (let at = resolve(directory); at !== top; at = dirname(at)) syncDirectory(dirname(at))
}

/**
 * Puts `text` into `file` so that a crash leaves the old content or the new: a neighbour is written,
 * flushed and renamed, then the directory flushed. The mode is 0600, but a file that is there keeps its
 * own mode and owner, so that root may edit what the service reads. Throws the system's error, and
 * leaves no neighbour behind.
 */
export function writePrivately(file: string, text: string): void {
  const before = statSync(file, { throwIfNoEntry: false })
  const target = before === undefined ? file : realpathSync(file)
  const neighbour = `${target}.${randomBytes(4).toString('hex')}.tmp`
  try {
    const written = openSync(neighbour, 'wx', 0o600)
    try {
      if (before !== undefined) {
        fchownSync(written, before.uid, before.gid)
        fchmodSync(written, before.mode & 0o777)
      }
      const bytes = Buffer.from(text)
      for (let at = 0; at < bytes.length; ) at += writeSync(written, bytes, at)
      fsyncSync(written)
    } finally {
      closeSync(written)
    }
    renameSync(neighbour, target)
  } catch (error) {
    rmSync(neighbour, { force: true })
    throw error
  }
  syncDirectory(dirname(target))
}

function syncDirectory(directory: string): void {
  const opened = openSync(directory, 'r')
  try {
    fsyncSync(opened)
  } finally {
    closeSync(opened)
  }
}

const READABLE_BY_OTHERS = 0o077

/** Throws FileInvalid where others than its owner may read or write `file`, which holds `secrets`. */
export function requirePrivate(file: string, secrets: string): void {
  const mode = statSync(file).mode & 0o777
  if ((mode & READABLE_BY_OTHERS) === 0 || isCredential(file)) return
  throw new FileInvalid([
    `${file}: mode is 0${mode.toString(8)}, must be 0600: only the owner may read ${secrets}`,
  ])
}

/**
 * True for a file that systemd's LoadCredential put there: it may show group bits, because its ACL lets
 * the service in, and no one else gets into its directory (systemd.exec(5), CREDENTIALS).
 */
function isCredential(file: string): boolean {
  const directory = process.env.CREDENTIALS_DIRECTORY
  return directory !== undefined && resolve(dirname(file)) === resolve(directory)
}
