// When an object ends: X-Delete-At and X-Delete-After, and X-If-Delete-At that guards a DELETE.
import type { Context } from './context.ts'
import { headerOf } from './headers.ts'
import { SwiftError } from './swift-error.ts'

/** 20 November 2286: Swift sorts these times as text of ten digits. */
const DELETE_AT_MAX = 9_999_999_999

/** An integer as Swift reads one. Throws SwiftError 400. */
function integer(name: string, value: string): number {
  if (!/^\s*[+-]?\d+\s*$/.test(value)) throw new SwiftError(400, `Non-integer ${name}`)
  return Number(value)
}

const capped = (seconds: number) => Math.min(Math.max(Math.floor(seconds), 0), DELETE_AT_MAX)

/** Throws SwiftError 400 where that second has come. */
export function requireFuture(name: string, seconds: number, nowMs: number): number {
  if (seconds * 1000 <= nowMs) throw new SwiftError(400, `${name} in past`)
  return seconds
}

/**
 * The second from which on the object is gone, since 1970; undefined: never. X-Delete-After wins. Throws
 * SwiftError 400. Swift: swift/common/constraints.py, check_delete_headers.
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

/** The second at which an object must be due for a DELETE to take it. Throws SwiftError 400. */
export function ifDeleteAtOf(ctx: Pick<Context, 'req'>): number | undefined {
  const value = headerOf(ctx, 'x-if-delete-at')
  if (value === undefined) return undefined
  if (!/^\s*\d+(?:\.\d*)?\s*$/.test(value)) {
    throw new SwiftError(400, 'Bad X-If-Delete-At header value')
  }
  return Number(value)
}
