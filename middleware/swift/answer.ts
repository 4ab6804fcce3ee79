// Answers that several handlers send: empty ones, and documents.
import type { Context } from './context.ts'
import { hasPage, pageOf, titleOf } from './pages.ts'

const HTML = 'text/html; charset=UTF-8'

/**
 * Answers without content: 201 and 200 with an empty body, 202 with Swift's short page, 204 and HEAD with no body.
 * `type` is the Content-Type. It is set on a 204 too, as Swift does, where Koa would remove it.
 */
export function sendEmpty(ctx: Context, status: 200 | 201 | 202 | 204, type = HTML): void {
  ctx.status = status
  ctx.message = status === 204 ? 'No Content' : titleOf(status)
  ctx.set('Content-Type', type)
  if (status === 204) {
    ctx.respond = false
    ctx.res.end()
    return
  }
  ctx.body = hasPage(status) ? pageOf(status) : ''
}

/** Answers with a document. `type` is its Content-Type with the charset. */
export function sendText(ctx: Context, type: string, text: string | Buffer): void {
  ctx.status = 200
  ctx.set('Content-Type', type)
  ctx.body = text
}
