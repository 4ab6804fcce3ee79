// Files that hold secrets: written whole or not at all, and readable by their owner alone.
import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/** Makes the directory with mode 0700 where it is missing, its parents too. */
export function makePrivateDirectory(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
}

/**
 * Puts `text` into `file` (mode 0600) so that a crash leaves the old content or the new: a neighbour is
 * written, flushed and renamed, then the directory flushed. Throws the system's error, and leaves no
 * neighbour behind.
 */
export function writePrivately(file: string, text: string): void {
  const neighbour = `${file}.${randomBytes(4).toString('hex')}.tmp`
  try {
    const written = openSync(neighbour, 'wx', 0o600)
    try {
      const bytes = Buffer.from(text)
      for (let at = 0; at < bytes.length; ) at += writeSync(written, bytes, at)
      fsyncSync(written)
    } finally {
      closeSync(written)
    }
    renameSync(neighbour, file)
  } catch (error) {
    rmSync(neighbour, { force: true })
    throw error
  }
  const directory = openSync(dirname(file), 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}
