// What a vector of an object says, and how its rows are changed.
import { type ObjectRecipe, type ObjectRows, type Run, relist } from './objects-make.ts'

/** `content`: only who reads all of a body and compares it finds that it is not what was sealed. */
export type ObjectOutcome = 'success' | 'wrong key' | 'corrupt' | 'other layout' | 'content'

export interface Case {
  readonly about: string
  readonly expect: ObjectOutcome
  readonly recipe: ObjectRecipe
  readonly change?: (rows: ObjectRows) => void
}

export const THREE = {
  parts: [
    [1, 300],
    [2, 500],
    [7, 300],
  ],
  isSizeUnknown: true,
} as const
export const ROOT = { kind: 1, md5: true } as const

export const sound = (about: string, recipe: ObjectRecipe, change?: Case['change']): Case => {
  return { about, expect: 'success', recipe, ...(change && { change }) }
}
export const corrupt = (
  about: string,
  change: NonNullable<Case['change']>,
  recipe: ObjectRecipe = {},
): Case => ({ about, expect: 'corrupt', recipe, change })

export const runsOf = (rows: ObjectRows) => rows.layout!.layout
export const edited = (rows: ObjectRows, index: number, change: Partial<Run>): Run[] =>
  runsOf(rows).map((run, i) => (i === index ? { ...run, ...change } : run))
export const segment = (rows: ObjectRows, number = 1) => rows.segments.get(number)!
export const envelope = (rows: ObjectRows) => rows.version.envelope as Record<string, unknown>
export const flipped = (bytes: Buffer, at: number): Buffer => {
  const copy = Buffer.from(bytes)
  copy[at < 0 ? bytes.length + at : at]! ^= 1
  return copy
}
/** Gives the list a number of parts too, so that the version does not contradict it. */
export function listAs(rows: ObjectRows, runs: Run[]): void {
  relist(rows, runs)
  rows.version.parts = runs.reduce((sum, { count }) => sum + count, 0)
}
export const payloadOf =
  (prefix: string, change: (payload: Buffer) => Buffer) => (rows: ObjectRows) => {
    rows.payload = (key, payload) => (key.startsWith(prefix) ? change(payload) : payload)
  }
export const framedOf = (prefix: string, change: (value: Buffer, key: string) => Buffer) => {
  return (rows: ObjectRows) => {
    rows.framed = (key, value) => (key.startsWith(prefix) ? change(value, key) : value)
  }
}
/** The payload behind a row's first byte, which is the head of an array, and its layout. */
export const withLayout = (layout: number) => (payload: Buffer) =>
  Buffer.concat([payload.subarray(0, 1), Buffer.of(layout), payload.subarray(2)])
