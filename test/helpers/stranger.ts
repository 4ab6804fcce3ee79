// A user for whom a file can be made unreadable, also where the tests are run by root, who may read everything: then it
// is another user, whose the files are, and what is hidden is root's. Otherwise it is whoever runs the tests.
import { chmodSync, chownSync, lchownSync, readdirSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'

const NOBODY = 65_534
const isRoot = process.getuid?.() === 0

/** Options of a process that is to be that user. */
export const asStranger = isRoot ? { uid: NOBODY } : {}

/** How coffer names that user, and the owner of what is hidden. */
export const stranger = isRoot ? /(?:nobody|uid 65534)/.source : userInfo().username
export const owner = userInfo().username

/** Gives a directory with all in it to that user. */
export function giveAway(directory: string): void {
  if (!isRoot) return
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    lchownSync(join(directory, name), NOBODY, NOBODY)
  }
  chownSync(directory, NOBODY, NOBODY)
}

/** From now on that user cannot open the file, or enter the directory. */
export function hide(path: string): void {
  if (isRoot) chownSync(path, 0, 0)
  chmodSync(path, isRoot ? 0o600 : 0)
}

/** Undoes `hide`. */
export function show(path: string, mode = 0o600): void {
  if (isRoot) chownSync(path, NOBODY, NOBODY)
  chmodSync(path, mode)
}
