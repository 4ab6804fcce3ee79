// The upgrade rule: every stored format has a number. An older format is read. A newer one is refused, with its
// name and both numbers, before anything is changed. docs/format.md §14 lists the formats.
import { FileInvalid } from './file-invalid.ts'

/** Stored data was written by a later release. The message names it and its version. */
export class FormatNewer extends FileInvalid {
  constructor(place: string, what: string, found: number, known: number) {
    super([
      `${place}: version ${found} of ${what} is newer than this program, which knows ${known}: run the later release`,
    ])
    this.name = 'FormatNewer'
  }
}

/** Throws FormatNewer where `found` is above `known`, the highest version that this program reads. */
export function requireKnown(place: string, what: string, found: number, known: number): void {
  if (found > known) throw new FormatNewer(place, what, found, known)
}

/**
 * The version in a magic number of 16 bytes, `coffer/v<digit> <word>`; undefined where the bytes do not begin
 * with one.
 */
export function versionOfMagic(bytes: Buffer, word: string): number | undefined {
  const match = /^coffer\/v([1-9]) (.*)$/s.exec(bytes.toString('latin1', 0, 16))
  return match !== null && match[2] === word ? Number(match[1]) : undefined
}
