// Renders errors as Swift's proxy does: as the small HTML page of the status, or as a plain text with the reason.
// Texts never hold a key, a token or a signature.
import { type Code, CofferError, type Details } from '../../lib/errors.ts'
import { setStored } from '../http/stored-header.ts'
import type { Context } from './context.ts'
import { errorTable, type Row } from './error-table.ts'
import { hasPage, pageOf, sentenceOf, titleOf } from './pages.ts'
import { challengeOf } from './resellers.ts'
import { SwiftError } from './swift-error.ts'

function rowOf(code: Code, details: Details): Row {
  const found: Row | ((details: Details) => Row) = errorTable[code]
  return typeof found === 'function' ? found(details) : found
}

/** The answer to any error. An error of neither the service nor the dialect is a fault of coffer's: 500. */
function describe(ctx: Context, error: unknown): Row {
  if (error instanceof SwiftError) return error
  const { code, details } = error instanceof CofferError ? error : new CofferError('Internal')
  const row = rowOf(code, details)
  // A caller with a valid token gets 403. Every other caller gets 401 with a challenge.
  return row.status === 403 && row.denies && ctx.state.token !== 'valid'
    ? { ...row, status: 401 }
    : row
}

/** The status that an error has. */
export const statusOf = (ctx: Context, error: unknown): number => describe(ctx, error).status

/** Status and text of an error, for a document that says how work ended. */
export function textOfError(ctx: Context, error: unknown): { status: number; text: string } {
  const { status, text } = describe(ctx, error)
  return { status, text: text ?? sentenceOf(status) }
}

/** Sets status, headers and body. Only before headers are sent. */
export function render(ctx: Context, error: unknown): void {
  const row = describe(ctx, error)
  ctx.status = row.status
  ctx.message = titleOf(row.status)
  // A request may fail before `detect` has set `swift`.
  if (row.status === 401) ctx.set(challengeOf(ctx.state.swift?.accountName))
  if (row.status === 304) {
    for (const [name, value] of Object.entries(row.headers ?? {})) setStored(ctx, name, value)
    return
  }
  const plain = row.text !== undefined
  ctx.set('Content-Type', plain ? 'text/plain; charset=UTF-8' : 'text/html; charset=UTF-8')
  for (const [name, value] of Object.entries(row.headers ?? {})) setStored(ctx, name, value)
  if (ctx.method === 'HEAD') return
  // The answer to a GET whose condition failed has no body, as in Swift.
  const silent = row.silentOnRead === true && ctx.method === 'GET'
  ctx.body = silent ? '' : plain ? row.text : hasPage(row.status) ? pageOf(row.status) : ''
}
