// Ends a user's tokens (D-LOGOUT). A token carries the id that the user's row had when it was issued. A logout writes
// another id, which holds on all nodes of the catalog and after restarts. A user has at most one such row, which is
// never removed.
import type { Logouts } from '../auth/tokens.ts'
import type { Catalog } from '../catalog/catalog.ts'
import { rowKeys } from '../catalog/keys.ts'
import { logoutRow } from '../catalog/rows.ts'
import { randomId } from '../names.ts'
import { Draft, decoded } from './stores.ts'

/** Logouts as rows of a catalog. Both methods throw StoreUnavailable, and `renew` CommitUnknown too. */
export function catalogLogouts(catalog: Catalog): Logouts {
  return {
    async idOf({ account, user }) {
      return decoded(logoutRow, await catalog.get(rowKeys.logout(account, user)))?.id ?? ''
    },
    async renew({ account, user }) {
      const row = logoutRow.encode({ id: randomId() })
      await new Draft().put(rowKeys.logout(account, user), row).commit(catalog)
    },
  }
}
