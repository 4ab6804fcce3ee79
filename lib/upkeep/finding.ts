// What scrub, fsck and salvage say of something that they found rotten.
import type { NamedVersion } from './scrub-objects.ts'

/** Something that is rotten, or cannot be read, in a form for people and programs. */
export interface Finding {
  readonly where: 'catalog' | 'volume' | 'device'
  /** A sentence. */
  readonly what: string
  /** The system's error where nothing is known but that it cannot be read: it need not be rotten. */
  readonly unreadable?: string
  readonly key?: string
  readonly volume?: string
  /** The first of the records in a row that have it. */
  readonly record?: number
  readonly records?: number
  readonly blob?: string
  readonly body?: string
  /** Whose bytes or rows they are, where that is known. */
  readonly objects?: readonly NamedVersion[]
}

/** A finding about a volume. `unreadable`: the system's error, where nothing is known but that. */
export const volumeFinding = (volume: string, what: string, unreadable?: string): Finding => ({
  where: 'volume',
  volume,
  what: `volume ${volume} ${what}`,
  ...(unreadable === undefined ? {} : { unreadable }),
})
