// A user for whom a file can be made unreadable. Root can read every file, so that for tests run by root it is
// another user, who owns the files, and hidden files belong to root. Otherwise it is the user who runs the
// tests.
import { chmodSync, chownSync, lchownSync, readdirSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'

const NOBODY = 65_534
const isRoot = process.getuid?.() === 0

/** Options of a process that runs as that user. */
export const asStranger = isRoot ? { uid: NOBODY } : {}

/** Names in coffer's messages: of that user, and of the owner of hidden files. */
export const stranger = isRoot ? /(?:nobody|uid 65534)/.source : userInfo().username
export const owner = userInfo().username

/** Makes that user the owner of a directory and all in it. */
export function giveAway(directory: string): void {
  if (!isRoot) return
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    lchownSync(join(directory, name), NOBODY, NOBODY)
  }
  chownSync(directory, NOBODY, NOBODY)
}

/** Makes a file that the user cannot open, or a directory that the user cannot enter. */
export function hide(path: string): void {
  if (isRoot) chownSync(path, 0, 0)
  chmodSync(path, isRoot ? 0o600 : 0)
}

/** Undoes `hide`. */
export function show(path: string, mode = 0o600): void {
  if (isRoot) chownSync(path, NOBODY, NOBODY)
  chmodSync(path, mode)
}
