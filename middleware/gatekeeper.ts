// The header firewall: which families of request headers mean something in which dialect, as a table of each. One
// pipeline serves two APIs, and a control header of one that reaches the other's handler has been a way
// around the rules elsewhere (CVE-2026-71192 in Swift's own S3 layer). What is not in the table passes.
import type { IncomingMessage } from 'node:http'
import type { Middleware } from 'koa'
import { type HeaderRule, ruleFor } from './header-table.ts'
import { blankHeader } from './http/blank-header.ts'
import type { Speaker, SpokenState } from './speaker.ts'

const setting: ReadonlySet<string> = new Set(['PUT', 'POST', 'COPY'])

/** True where the row refuses this request. A header of a feature is refused only where it sets the feature. */
function refuses(rule: HeaderRule, method: string, value: string): boolean {
  if (rule.action !== 'refuse') return false
  return rule.when !== 'setting' || (setting.has(method) && value.trim() !== '')
}

/** Applies the speaker's table. Throws the speaker's refusal for the first header that is refused. */
function screen(speaker: Speaker, method: string, req: IncomingMessage): void {
  const { headers } = req
  for (const name of Object.keys(headers)) {
    const rule = ruleFor(speaker.headers, name)
    if (rule === undefined || rule.action === 'pass') continue
    const value = String(headers[name] ?? '')
    delete headers[name]
    if (!refuses(rule, method, value)) continue
    // It may be a key, and the refusal does not show it.
    blankHeader(req, name)
    throw speaker.refuseHeader(rule, name)
  }
}

/** Makes the stage that applies the table, before auth. Signatures cover the headers as they were sent. */
export function gatekeeper(): Middleware<SpokenState> {
  return async function gatekeeper(ctx, next) {
    screen(ctx.state.speaker, ctx.method, ctx.req)
    await next()
  }
}
