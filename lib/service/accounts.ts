// Accounts: their metadata, their usage, and the ACL of others who may use them. An account's row is made by the first
// write to it. Without a row an account is shown empty.
import type { Asker } from '../auth/asker.ts'
import { countersOf } from '../catalog/catalog.ts'
import { rowKeys } from '../catalog/keys.ts'
import { type AccountRow, accountRow } from '../catalog/rows.ts'
import { nowMicros } from '../names.ts'
import { authorize, isAllowed } from './access.ts'
import type { AccountAcl, AccountInfo, AccountSettings } from './container-types.ts'
import { mergeMetadata } from './metadata.ts'
import { commitWithRetry, type Draft, judged, type Stores } from './stores.ts'

/** Describes an account. The ACL is shown to owners only. Throws AccessDenied. */
export async function headAccount(
  stores: Stores,
  asker: Asker,
  account: string,
): Promise<AccountInfo> {
  await authorize(stores, asker, 'headAccount', { account })
  const keys = [rowKeys.account(account), rowKeys.accountUsage(account)]
  const [stored, usage] = await stores.catalog.getMany(keys)
  const row = judged(accountRow, stored, stores.macs)?.row
  const [containers = 0, objects = 0, bytes = 0] = usage ? countersOf(usage.value) : []
  const acl = row?.acl ?? null
  return {
    account,
    createdMicros: row?.createdMicros,
    containers,
    objects,
    bytes,
    metadata: row?.metadata ?? {},
    acl:
      acl !== null && (await isAllowed(stores, asker, 'getAccountAcl', { account })) ? acl : null,
  }
}

/** Changes the account's settings, and makes its row where there is none. Throws AccessDenied,
 * MetadataTooLarge, MetadataTooMany. */
export async function updateAccount(
  stores: Stores,
  asker: Asker,
  account: string,
  settings: AccountSettings,
): Promise<void> {
  await authorize(stores, asker, 'updateAccount', { account })
  const key = rowKeys.account(account)
  await commitWithRetry(stores.catalog, async (draft) => {
    const stored = await stores.catalog.get(key)
    const row = judged(accountRow, stored, stores.macs)?.row ?? newAccount()
    const metadata = mergeMetadata(row.metadata, settings.metadata)
    const acl = settings.acl === undefined ? row.acl : kept(settings.acl)
    const next = accountRow.encode(key, { ...row, metadata, acl }, stores.macs)
    draft.expect(key, stored).put(key, next)
  })
}

/** Adds the account's row to a commit that writes below an account which has none. */
export function draftAccount({ macs }: Stores, draft: Draft, account: string): void {
  const key = rowKeys.account(account)
  draft.expect(key, undefined).put(key, accountRow.encode(key, newAccount(), macs))
}

const newAccount = (): AccountRow => ({ createdMicros: nowMicros(), metadata: {}, acl: null })

/** The ACL as the row keeps it: none where all its lists are empty. */
function kept(acl: AccountAcl | null): AccountRow['acl'] {
  if (acl === null) return null
  const { admin, readWrite, readOnly } = acl
  if (admin.length + readWrite.length + readOnly.length === 0) return null
  return { admin: [...admin], readWrite: [...readWrite], readOnly: [...readOnly] }
}
