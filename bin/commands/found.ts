// How commands end. The numbers are those of `coffer decrypt` (docs/format.md §11).

import { isOfDisk } from '../../lib/system-error.ts'
import type { Finding } from '../../lib/upkeep/finding.ts'

export const exitCodes = {
  sound: 0,
  /** The command could not do its work, or not all of it, or was ended. */
  failed: 1,
  /** The command line was wrong; nothing was done. */
  usage: 2,
  /** Something was found. */
  damaged: 5,
} as const

/** What was found is `unreadable` where nothing is known but that. */
export const labelOf = ({ unreadable }: Finding) =>
  unreadable === undefined ? 'rotten' : 'unreadable'

/** A disk that does not give its bytes is a finding; a file that this process may not read is work left undone. */
export function exitCodeFor(findings: readonly Finding[]): number {
  const isFound = ({ unreadable }: Finding) => unreadable === undefined || isOfDisk(unreadable)
  if (findings.some(isFound)) return exitCodes.damaged
  return findings.length > 0 ? exitCodes.failed : exitCodes.sound
}
