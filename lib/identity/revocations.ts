// Ends tokens before their time (D-LOGOUT, D-REVOCATION). A token carries the id that the user's row had when it was
// issued. A logout writes another id, which holds on all nodes of the catalog and after restarts. A user has at most one
// such row, which is never removed. A revocation is a row of its own under the token's hash, until the token would end.
import type { Revocations } from '../auth/tokens.ts'
import type { Catalog } from '../catalog/catalog.ts'
import { identityKeys } from '../catalog/identity-keys.ts'
import { revocationRow } from '../catalog/identity-rows.ts'
import { rowKeys } from '../catalog/keys.ts'
import { logoutRow } from '../catalog/rows.ts'
import { randomId } from '../names.ts'
import { Draft, decoded } from '../service/stores.ts'

/** Logouts and revocations as rows of a catalog. All methods throw StoreUnavailable, and those that write CommitUnknown
 * too. */
export function catalogRevocations(catalog: Catalog): Revocations {
  return {
    async idOf({ account, user }) {
      return decoded(logoutRow, await catalog.get(rowKeys.logout(account, user)))?.id ?? ''
    },
    async renew({ account, user }) {
      const row = logoutRow.encode({ id: randomId() })
      await new Draft().put(rowKeys.logout(account, user), row).commit(catalog)
    },
    async stateOf({ account, user }, expiresSeconds, tokenHash) {
      const keys = [
        rowKeys.logout(account, user),
        identityKeys.revocation(expiresSeconds, tokenHash),
      ]
      const [logout, revocation] = await catalog.getMany(keys)
      return {
        logoutId: decoded(logoutRow, logout)?.id ?? '',
        isRevoked: decoded(revocationRow, revocation) !== undefined,
      }
    },
    async revoke({ account, user }, expiresSeconds, tokenHash) {
      const row = revocationRow.encode({ account, user })
      await new Draft().put(identityKeys.revocation(expiresSeconds, tokenHash), row).commit(catalog)
    },
  }
}
