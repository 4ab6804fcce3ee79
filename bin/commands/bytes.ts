// Bytes and rates as people write and read them on the command line.
import { FileInvalid } from '../../lib/config.ts'

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** `1536` as `1.5 KiB`. */
export function shownBytes(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`
}

/** `part` of `whole` in percent, without digits behind the point. */
export const shownShare = (part: number, whole: number) =>
  whole === 0 ? '0 %' : `${Math.round((100 * part) / whole)} %`

/** A number from `least` to `most` of an option. Throws FileInvalid. */
export function numberOf(option: string, text: string, least: number, most: number): number {
  const value = Number(text)
  if (text.trim() !== '' && value >= least && value <= most) return value
  throw new FileInvalid([`${option}: ${text} is not a number from ${least} to ${most}`])
}
