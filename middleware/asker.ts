// Who asks, as the service takes it: the caller that auth finds, and facts of the request. Each is looked up when a rule
// reads it, so that a request which no rule looks at pays for one small object.
import type { Asker } from '../lib/auth/asker.ts'
import type { Caller } from '../lib/auth/identity.ts'
import type { Context } from './state.ts'

export class RequestAsker implements Asker {
  readonly #ctx: Pick<Context, 'req' | 'state'>

  constructor(ctx: Pick<Context, 'req' | 'state'>) {
    this.#ctx = ctx
  }

  get caller(): Caller {
    return this.#ctx.state.caller
  }

  get address(): string {
    return this.#ctx.state.target.address
  }

  get encrypted(): boolean {
    const { secure } = this.#ctx.state.target
    return secure === 'direct' || secure === 'forwarded'
  }

  get referrer(): string | undefined {
    return this.header('referer')
  }

  header(name: string): string | undefined {
    const sent = this.#ctx.req.headers[name]
    return Array.isArray(sent) ? sent.join(',') : sent
  }
}
