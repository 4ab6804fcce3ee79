// Audit: one line for each write, delete and copy, and for each denied key, whatever the operation. The line has the
// outcome of the work, also where it failed behind a status of success. auth.ts writes the lines of denied logins.
import type { Middleware } from 'koa'
import type { AuditEntry } from '../lib/audit.ts'
import { type Code, CofferError } from '../lib/errors.ts'
import type { Node } from './node.ts'
import { Refusal } from './refusal.ts'
import type { State } from './state.ts'

const deniedKeys: ReadonlySet<string> = new Set<Code>([
  'KeyWrong',
  'KeyRequired',
  'KeyInsecure',
  'UploadKeyWrong',
  'UploadKeyRequired',
])

/**
 * The line of a request, of one object of a request that names several, or of `count` objects with the same outcome.
 */
export function auditEntry(
  state: State,
  result: AuditEntry['result'],
  object?: string,
  count = 1,
): AuditEntry {
  return {
    time: new Date().toISOString(),
    requestId: state.requestId,
    account: state.caller?.account ?? '',
    user: state.caller?.user ?? '',
    address: state.target.address,
    dialect: state.dialect,
    operation: state.operation,
    container: state.container,
    object: object ?? state.object,
    ...(count === 1 ? {} : { count }),
    result,
  }
}

/** The code of an error: the service's or the dialect's. */
export const codeOf = (error: unknown): string =>
  error instanceof CofferError || error instanceof Refusal ? error.code : 'Internal'

export function audit(node: Node): Middleware<State> {
  return async function audit(ctx, next) {
    const writes = ctx.method !== 'GET' && ctx.method !== 'HEAD' && ctx.method !== 'OPTIONS'
    try {
      await next()
      if (writes) node.audit.write(auditEntry(ctx.state, ctx.state.failure ?? 'ok'))
    } catch (error) {
      const code = codeOf(error)
      if (writes || deniedKeys.has(code)) node.audit.write(auditEntry(ctx.state, code))
      throw error
    }
  }
}
