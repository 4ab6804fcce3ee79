// Which tokens of a user are over. Tokens carry the id that the user's row had when they were issued; a logout draws
// another, for all nodes on the catalog and beyond restarts. At most one row a user, which stays.
import type { Logouts } from '../auth/tokens.ts'
import type { Catalog } from '../catalog/catalog.ts'
import { rowKeys } from '../catalog/keys.ts'
import { logoutRow } from '../catalog/rows.ts'
import { randomId } from '../names.ts'
import { Draft, decoded } from './stores.ts'

/** Logouts as rows of a catalog. Both throw StoreUnavailable; `renew` throws CommitUnknown too. */
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
