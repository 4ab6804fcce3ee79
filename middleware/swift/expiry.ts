// The time at which an object expires: X-Delete-At and X-Delete-After, and the condition X-If-Delete-At of a DELETE.
import type { Context } from './context.ts'
import { headerOf } from './headers.ts'
import { SwiftError } from './swift-error.ts'

/** Latest expiry, 20 November 2286 in seconds since 1970: Swift sorts expiries as text of ten digits. */
const DELETE_AT_MAX = 9_999_999_999

/** Reads an integer as Swift does. Throws SwiftError 400. */
function integer(name: string, value: string): number {
  if (!/^\s*[+-]?\d+\s*$/.test(value)) throw new SwiftError(400, `Non-integer ${name}`)
  return Number(value)
}

const capped = (seconds: number) => Math.min(Math.max(Math.floor(seconds), 0), DELETE_AT_MAX)

/** Returns `seconds`. Throws SwiftError 400 where that time is not in the future. */
export function requireFuture(name: string, seconds: number, nowMs: number): number {
  if (seconds * 1000 <= nowMs) throw new SwiftError(400, `${name} in past`)
  return seconds
}

/**
 * The time of expiry in seconds since 1970, undefined where the request sets none. X-Delete-After counts before
 * X-Delete-At. Throws SwiftError 400. Swift: swift/common/constraints.py, check_delete_headers.
 */
export function deleteAtOf(ctx: Pick<Context, 'req'>, nowMs: number): number | undefined {
  const after = headerOf(ctx, 'x-delete-after')
  if (after !== undefined) {
    const seconds = capped(nowMs / 1000 + integer('X-Delete-After', after))
    return requireFuture('X-Delete-After', seconds, nowMs)
  }
  const at = headerOf(ctx, 'x-delete-at')
  if (at === undefined) return undefined
  return requireFuture('X-Delete-At', capped(integer('X-Delete-At', at)), nowMs)
}

/** X-If-Delete-At in seconds since 1970: a DELETE must find an object with that expiry. Throws SwiftError 400. */
export function ifDeleteAtOf(ctx: Pick<Context, 'req'>): number | undefined {
  const value = headerOf(ctx, 'x-if-delete-at')
  if (value === undefined) return undefined
  if (!/^\s*\d+(?:\.\d*)?\s*$/.test(value)) {
    throw new SwiftError(400, 'Bad X-If-Delete-At header value')
  }
  return Number(value)
}
