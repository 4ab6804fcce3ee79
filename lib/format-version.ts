// The upgrade rule: every stored format has a number. An older format that was released is read. A newer one is refused,
// with its name and both numbers, before anything is changed; so is version 1 of what is stored, which was never
// released. docs/format.md §14 lists the formats.
import { FileInvalid } from './file-invalid.ts'

/** The version of catalog, rows, volumes and backups: the first that was released, and the last so far. */
export const STORED_VERSION = 2

/** Stored data has a version that this program does not read. */
export class FormatUnread extends FileInvalid {}

/** Stored data was written by a later release. The message names it and its version. */
export class FormatNewer extends FormatUnread {
  constructor(place: string, what: string, found: number, known: number) {
    super([
      `${place}: version ${found} of ${what} is newer than this program, which knows ${known}: run the later release`,
    ])
    this.name = 'FormatNewer'
  }
}

/** Stored data has a version that was never released. The message names it. */
export class FormatUnreleased extends FormatUnread {
  constructor(place: string, what: string, found: number) {
    super([`${place}: version ${found} of ${what} was never released, and no program reads it`])
    this.name = 'FormatUnreleased'
  }
}

/** Throws FormatNewer where `found` is above `known`, the highest version that this program reads. */
export function requireKnown(place: string, what: string, found: number, known: number): void {
  if (found > known) throw new FormatNewer(place, what, found, known)
}

/** As `requireKnown`, for catalog, rows, volumes and backups. Throws FormatUnreleased for a version below the first. */
export function requireStored(place: string, what: string, found: number): void {
  requireKnown(place, what, found, STORED_VERSION)
  if (found < STORED_VERSION) throw new FormatUnreleased(place, what, found)
}

/** Why a layout other than STORED_VERSION is not read, of something in a catalog. */
export const whyNotRead = (what: string, layout: unknown): string =>
  Number(layout) < STORED_VERSION
    ? `layout ${layout} of ${what} was never released, and no program reads it`
    : `layout ${layout} of ${what} is newer than this program`

/**
 * The version in a magic number of 16 bytes, `coffer/v<digit> <word>`; undefined where the bytes do not begin
 * with one.
 */
export function versionOfMagic(bytes: Buffer, word: string): number | undefined {
  const match = /^coffer\/v([1-9]) (.*)$/s.exec(bytes.toString('latin1', 0, 16))
  return match !== null && match[2] === word ? Number(match[1]) : undefined
}
