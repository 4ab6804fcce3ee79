// Renders errors as Swift's proxy does: a small HTML page in standing words, or a plain text that says
// what was wrong. Texts never hold a key, a token or a signature.
import { type Code, CofferError, type Details } from '../../lib/errors.ts'
import { setStored } from '../http/stored-header.ts'
import type { Context } from './context.ts'
import { errorTable, type Row } from './error-table.ts'
import { hasPage, pageOf, titleOf } from './pages.ts'
import { challengeOf } from './resellers.ts'
import { SwiftError } from './swift-error.ts'

function rowOf(code: Code, details: Details): Row {
  const found: Row | ((details: Details) => Row) = errorTable[code]
  return typeof found === 'function' ? found(details) : found
}

/** What to say for any error. What is neither the service's nor the dialect's is ours: 500. */
function describe(ctx: Context, error: unknown): Row {
  if (error instanceof SwiftError) return error
  const { code, details } = error instanceof CofferError ? error : new CofferError('Internal')
  const row = rowOf(code, details)
  // Known and without the right is 403; everyone else is asked to say who they are.
  return row.status === 403 && row.denies && ctx.state.token !== 'valid'
    ? { ...row, status: 401 }
    : row
}

/** The status that an error has. */
export const statusOf = (ctx: Context, error: unknown): number => describe(ctx, error).status

/** Sets status, headers and body. Only before headers are sent. */
export function render(ctx: Context, error: unknown): void {
  const row = describe(ctx, error)
  ctx.status = row.status
  ctx.message = titleOf(row.status)
  // Errors can come before `detect`.
  if (row.status === 401) ctx.set(challengeOf(ctx.state.swift?.accountName))
  if (row.status === 304) {
    for (const [name, value] of Object.entries(row.headers ?? {})) setStored(ctx, name, value)
    return
  }
  const plain = row.text !== undefined
  ctx.set('Content-Type', plain ? 'text/plain; charset=UTF-8' : 'text/html; charset=UTF-8')
  for (const [name, value] of Object.entries(row.headers ?? {})) setStored(ctx, name, value)
  if (ctx.method === 'HEAD') return
  // A failed condition on a read says nothing, as in Swift.
  const silent = row.silentOnRead === true && ctx.method === 'GET'
  ctx.body = silent ? '' : plain ? row.text : hasPage(row.status) ? pageOf(row.status) : ''
}
