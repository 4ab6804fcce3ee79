// Logouts and revocations in memory, for tests of tokens without a catalog.
import type { Revocations } from '../../lib/auth/tokens.ts'

export function memoryRevocations(): Revocations {
  const ids = new Map<string, string>()
  const revoked = new Set<string>()
  const idOf = async ({ user }: { user: string }) => ids.get(user) ?? ''
  return {
    idOf,
    renew: async ({ user }) => void ids.set(user, `${ids.get(user) ?? ''}x`),
    stateOf: async (user, _, hash) => ({
      logoutId: await idOf(user),
      isRevoked: revoked.has(hash),
    }),
    revoke: async (_, __, hash) => void revoked.add(hash),
  }
}
