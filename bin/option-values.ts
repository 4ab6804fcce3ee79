// Readers of option values, called by commander, which adds the option's name to their errors.
import { InvalidArgumentError } from 'commander'
import { PORT_MAX } from '../lib/config/entries.ts'
import { readBytes } from '../lib/units.ts'

/** Bytes a second, more than any store of one machine has: 1 TiB. */
export const BYTES_RATE_MAX = 2 ** 40
/** Rows a second, more than any catalog writes. */
export const ROWS_RATE_MAX = 1_000_000

/** Reads `50M`, `64MiB` or `1.5GB/s` as bytes a second; 0: no limit. Throws InvalidArgumentError. */
export function readRate(text: string): number {
  const rate = readBytes(text.replace(/\/s$/, ''))
  if (rate !== null && rate <= BYTES_RATE_MAX) return rate
  throw new InvalidArgumentError('Bytes a second up to 1 TiB, as 50M or 64MiB; 0 is no limit.')
}

/** Reads a share, 0 to 1. Throws InvalidArgumentError. */
export function readShare(text: string): number {
  const share = Number(text)
  if (text.trim() !== '' && share >= 0 && share <= 1) return share
  throw new InvalidArgumentError('A share is 0 to 1, as 0.05.')
}

/** Reads rows a second. Throws InvalidArgumentError. */
export function readRows(text: string): number {
  const rows = wholeNumber(text)
  if (rows >= 1 && rows <= ROWS_RATE_MAX) return rows
  throw new InvalidArgumentError(`Rows a second, 1 to ${ROWS_RATE_MAX}.`)
}

/** Reads a TCP port; 0: free ones. Throws InvalidArgumentError. */
export function readPort(text: string): number {
  const port = wholeNumber(text)
  if (port <= PORT_MAX) return port
  throw new InvalidArgumentError(`A port is 0 to ${PORT_MAX}.`)
}

/** Reads the id of a volume. Throws InvalidArgumentError. */
export function readVolume(text: string): string {
  if (/^[0-9a-f]{16}$/.test(text)) return text
  throw new InvalidArgumentError('A volume is 16 hex digits, as coffer status shows them.')
}

/** A whole number; NaN for any other text. */
const wholeNumber = (text: string) => (/^\d{1,9}$/.test(text) ? Number(text) : Number.NaN)
