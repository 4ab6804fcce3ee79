// Credentials against their users, and what the key manager keeps against its index. A project or user without the other
// is no damage: projects of users.yaml have no rows.
import type { Row } from '../catalog/catalog.ts'
import type { ReadRow } from '../catalog/codec.ts'
import {
  identityKeys,
  identityPrefixes,
  type KeptKind,
  keptKinds,
} from '../catalog/identity-keys.ts'
import type { SecretHomeRow } from '../catalog/identity-rows.ts'
import { endOf } from '../catalog/keys.ts'
import {
  decodeRow,
  encodeRow,
  type RowContents,
  readRow,
  type signedForms,
} from '../identity/row-forms.ts'
import { usageOf } from '../keymanager/page.ts'
import type { ContainerCheck } from './fsck-containers.ts'
import { shown, unchanged } from './fsck-report.ts'

/** A row with the answer whether its MAC holds; undefined where it cannot be read, which is a finding already. */
function readable<K extends keyof typeof signedForms>(
  { macs }: ContainerCheck,
  kind: K,
  row: Row,
): ReadRow<RowContents[K]> | undefined {
  try {
    return readRow(kind, row, macs)
  } catch {
    return undefined
  }
}

/** Checks that each credential is of the user that is there. Others are good for nobody, and are removed. */
export async function checkCredentials(check: ContainerCheck): Promise<void> {
  const { rows, findings } = check
  for (const kind of ['ec2Credential', 'appCredential'] as const) {
    const prefix = identityPrefixes[kind]
    for await (const row of rows.scan(prefix, endOf(prefix))) {
      const credential = readable(check, kind, row)
      // Whose it is nobody proves where the MAC does not hold. A user of users.yaml has no row.
      if (credential?.holds !== true || credential.row.userId === '') continue
      const { account, user: name, userId } = credential.row
      const key = identityKeys.user(account, name)
      const held = await rows.get(key)
      const user = held === undefined ? undefined : readable(check, 'user', held)
      if (user?.row.id === userId || (held !== undefined && user?.holds !== true)) continue
      const expect = [unchanged(row.key, row), unchanged(key, held)]
      const lost = held === undefined ? 'its user is gone' : 'it is of an earlier user'
      const repair = { what: 'remove the row', expect, del: [row.key] }
      findings.add('credential', `${shown(row.key)}: ${lost}`, repair)
    }
  }
}

/** What a row of the index says; undefined, and a finding, where it cannot be read. */
function homeOf({ findings, macs }: ContainerCheck, row: Row): SecretHomeRow | undefined {
  try {
    return decodeRow('secretHome', row, macs)
  } catch {
    findings.add('row', `${shown(row.key)}: its content cannot be read`)
    return undefined
  }
}

/** Checks that whatever the key manager keeps is found by its id, that payloads have their secrets, and the reverse. */
export async function checkKept(check: ContainerCheck): Promise<void> {
  for (const kind of keptKinds) await checkHomes(check, kind)
  const { rows, findings } = check
  const homes = identityPrefixes.secretHome
  for await (const row of rows.scan(homes, endOf(homes))) {
    const home = homeOf(check, row)
    if (home === undefined) continue
    const key = `${home.kind}/${home.project}/${row.key.slice(homes.length)}`
    if ((await rows.get(key)) !== undefined) continue
    const expect = [unchanged(row.key, row), { key, revision: null }]
    const repair = { what: 'remove the row', expect, del: [row.key] }
    findings.add('secret', `${shown(row.key)}: nothing of that id is kept`, repair)
  }
  const payloads = identityPrefixes.secretPayload
  for await (const row of rows.scan(payloads, endOf(payloads))) {
    const key = `${identityPrefixes.secret}${row.key.slice(payloads.length)}`
    if ((await rows.get(key)) !== undefined) continue
    const expect = [unchanged(row.key, row), { key, revision: null }]
    const repair = { what: 'remove the row', expect, del: [row.key] }
    findings.add('secret', `${shown(row.key)}: its secret is gone`, repair)
  }
}

async function checkHomes(check: ContainerCheck, kind: KeptKind): Promise<void> {
  const { rows, findings, sums, macs } = check
  for await (const row of rows.scan(`${kind}/`, endOf(`${kind}/`))) {
    const [, project, id] = row.key.split('/') as [string, string, string]
    sums.add(identityKeys.secretUsage(project), ...usageOf(kind, 1))
    const key = identityKeys.secretHome(id)
    if ((await rows.get(key)) === undefined) {
      const expect = [unchanged(row.key, row), { key, revision: null }]
      const put = [{ key, value: encodeRow('secretHome', key, { kind, project }, macs) }]
      const repair = { what: 'put it into the index', expect, put }
      findings.add('secret', `${shown(row.key)}: the index lacks it`, repair)
    }
    if (kind !== 'secret') continue
    const secret = readable(check, 'secret', row)?.row
    if (secret === undefined || secret.payloadType === null) continue
    if ((await rows.get(identityKeys.secretPayload(project, id))) !== undefined) continue
    findings.add('secret', `${shown(row.key)}: its payload is lost`)
  }
}
