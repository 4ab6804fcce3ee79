// Who asks the service in a test that sends no request.
import type { Asker } from '../../lib/auth/asker.ts'
import type { Caller } from '../../lib/auth/identity.ts'

/** Somebody who asks in clear, from this machine, in a request of those facts. */
export function askerOf(caller: Caller, facts: Partial<Omit<Asker, 'caller'>> = {}): Asker {
  const address = '127.0.0.1'
  return {
    caller,
    address,
    encrypted: false,
    referrer: undefined,
    header: () => undefined,
    ...facts,
  }
}

export const nobody = askerOf(null)
