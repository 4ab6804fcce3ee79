// Files that hold secrets: written as a whole or not at all, and readable by their owner only.
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

/** Makes a missing directory, and its missing parents, with mode 0700, durably. */
export function makePrivateDirectory(directory: string): void {
  const first = mkdirSync(directory, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  const top = dirname(resolve(first))
  for (let at = resolve(directory); at !== top; at = dirname(at)) syncDirectory(dirname(at))
}

/**
 * Writes `text` to `file` so that a crash leaves the old content or the new: a neighbour is written, flushed
 * and renamed, then the directory is flushed. A new file has mode 0600. An existing one keeps its mode and
 * owner, so that root may edit what the service reads. Throws the system's error, and leaves no neighbour
 * behind.
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
 * True for a file of systemd's LoadCredential. It may show group bits, because an ACL gives the service access,
 * and no other user can enter its directory (systemd.exec(5), CREDENTIALS).
 */
function isCredential(file: string): boolean {
  const directory = process.env.CREDENTIALS_DIRECTORY
  return directory !== undefined && resolve(dirname(file)) === resolve(directory)
}
