// Who asks the key manager. A token without a scope is of no project, and has nothing here.
import type { Identity } from '../../lib/auth/identity.ts'
import { forbidden } from '../../lib/keymanager/keep.ts'
import { type Context, tokenOf } from '../rest/route.ts'

export function callerOf(ctx: Context): Identity {
  const { identity, facts } = tokenOf(ctx)
  if (!facts.isScoped) throw forbidden()
  return identity
}
