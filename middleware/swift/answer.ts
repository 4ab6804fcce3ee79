// Answers that several handlers give: empty ones, and documents.
import type { Context } from './context.ts'
import { hasPage, pageOf, titleOf } from './pages.ts'

const HTML = 'text/html; charset=UTF-8'

/**
 * Answers without content: 201 and 200 with an empty body, 202 with Swift's short page, 204 and HEAD with
 * none. `type` is the Content-Type; Koa would take it off a 204, and Swift's clients see it there.
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

/** Answers with a document. `type` with its charset. */
export function sendText(ctx: Context, type: string, text: string | Buffer): void {
  ctx.status = 200
  ctx.set('Content-Type', type)
  ctx.body = text
}
