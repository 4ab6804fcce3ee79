// How commands end. The numbers are those of `coffer decrypt` (docs/format.md §11).
export const exitCodes = {
  sound: 0,
  /** The command could not do its work, or was ended. */
  failed: 1,
  /** The command line was wrong; nothing was done. */
  usage: 2,
  /** Something was found. */
  damaged: 5,
} as const
