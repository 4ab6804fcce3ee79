// What scrub, fsck and salvage say of something that they found rotten.
import type { NamedVersion } from './scrub-objects.ts'

/** Something rotten or unreadable, in a form for people and programs. */
export interface Finding {
  readonly where: 'catalog' | 'volume' | 'device'
  /** A sentence. */
  readonly what: string
  /** The system's error of a piece that cannot be read. The piece need not be rotten. */
  readonly unreadable?: string
  readonly key?: string
  readonly volume?: string
  /** Index of the first of `records` affected records. */
  readonly record?: number
  readonly records?: number
  readonly blob?: string
  readonly body?: string
  /** The objects that are affected, where known. */
  readonly objects?: readonly NamedVersion[]
}

/** A finding about a volume. `unreadable`: the system's error, where nothing is known but that. */
export const volumeFinding = (volume: string, what: string, unreadable?: string): Finding => ({
  where: 'volume',
  volume,
  what: `volume ${volume} ${what}`,
  ...(unreadable === undefined ? {} : { unreadable }),
})
