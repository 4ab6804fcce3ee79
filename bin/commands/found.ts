// The exit codes of commands. The numbers are those of `coffer decrypt` (docs/format.md §11).

import { isOfDisk } from '../../lib/system-error.ts'
import type { Finding } from '../../lib/upkeep/finding.ts'

export const exitCodes = {
  sound: 0,
  /** The command failed, did a part of its work, or was interrupted. */
  failed: 1,
  /** The command line was wrong, and nothing was done. */
  usage: 2,
  /** Damage was found. */
  damaged: 5,
} as const

/** `unreadable` for a finding about which nothing else is known, else `rotten`. */
export const labelOf = ({ unreadable }: Finding) =>
  unreadable === undefined ? 'rotten' : 'unreadable'

/** A disk that does not return its bytes is damage. A file that this process may not read is work left
 * undone. */
export function exitCodeFor(findings: readonly Finding[]): number {
  const isFound = ({ unreadable }: Finding) => unreadable === undefined || isOfDisk(unreadable)
  if (findings.some(isFound)) return exitCodes.damaged
  return findings.length > 0 ? exitCodes.failed : exitCodes.sound
}
