// Credentials against their users, and what the key manager keeps against its index. A project or user without the other
// is no damage: projects of users.yaml have no rows.
import type { Row } from '../catalog/catalog.ts'
import {
  appCredentialPrefix,
  ec2CredentialPrefix,
  identityKeys,
  type KeptKind,
  keptKinds,
} from '../catalog/identity-keys.ts'
import { endOf } from '../catalog/keys.ts'
import { decodeRow, encodeRow, type RowContents, type RowKind } from '../identity/row-forms.ts'
import { usageOf } from '../keymanager/page.ts'
import type { ContainerCheck } from './fsck-containers.ts'
import { type Findings, shown, unchanged } from './fsck-report.ts'

/** The content of a row; undefined, and a finding, where it cannot be read. */
function readable<K extends RowKind>(
  findings: Findings,
  kind: K,
  row: Row,
): RowContents[K] | undefined {
  try {
    return decodeRow(kind, row)
  } catch {
    findings.add('row', `${shown(row.key)}: its content cannot be read`)
    return undefined
  }
}

/** Checks that each credential is of the user that is there. Others are good for nobody, and are removed. */
export async function checkCredentials({ rows, findings }: ContainerCheck): Promise<void> {
  for (const [kind, prefix] of [
    ['ec2Credential', ec2CredentialPrefix],
    ['appCredential', appCredentialPrefix],
  ] as const) {
    for await (const row of rows.scan(prefix, endOf(prefix))) {
      const credential = readable(findings, kind, row)
      // A user of users.yaml has no row.
      if (credential === undefined || credential.userId === '') continue
      const key = identityKeys.user(credential.account, credential.user)
      const held = await rows.get(key)
      const user = held === undefined ? undefined : readable(findings, 'user', held)
      if (user?.id === credential.userId || (held !== undefined && user === undefined)) continue
      const expect = [unchanged(row.key, row), unchanged(key, held)]
      const lost = held === undefined ? 'its user is gone' : 'it is of an earlier user'
      const repair = { what: 'remove the row', expect, del: [row.key] }
      findings.add('credential', `${shown(row.key)}: ${lost}`, repair)
    }
  }
}

/** Checks that whatever the key manager keeps is found by its id, that payloads have their secrets, and the reverse. */
export async function checkKept(check: ContainerCheck): Promise<void> {
  for (const kind of keptKinds) await checkHomes(check, kind)
  const { rows, findings } = check
  const homes = 'secret-home/'
  for await (const row of rows.scan(homes, endOf(homes))) {
    const home = readable(findings, 'secretHome', row)
    if (home === undefined) continue
    const key = `${home.kind}/${home.project}/${row.key.slice(homes.length)}`
    if ((await rows.get(key)) !== undefined) continue
    const expect = [unchanged(row.key, row), { key, revision: null }]
    const repair = { what: 'remove the row', expect, del: [row.key] }
    findings.add('secret', `${shown(row.key)}: nothing of that id is kept`, repair)
  }
  const payloads = 'secret-payload/'
  for await (const row of rows.scan(payloads, endOf(payloads))) {
    const key = `secret/${row.key.slice(payloads.length)}`
    if ((await rows.get(key)) !== undefined) continue
    const expect = [unchanged(row.key, row), { key, revision: null }]
    const repair = { what: 'remove the row', expect, del: [row.key] }
    findings.add('secret', `${shown(row.key)}: its secret is gone`, repair)
  }
}

async function checkHomes({ rows, findings, sums }: ContainerCheck, kind: KeptKind): Promise<void> {
  for await (const row of rows.scan(`${kind}/`, endOf(`${kind}/`))) {
    const [, project, id] = row.key.split('/') as [string, string, string]
    sums.add(identityKeys.secretUsage(project), ...usageOf(kind, 1))
    const key = identityKeys.secretHome(id)
    if ((await rows.get(key)) === undefined) {
      const expect = [unchanged(row.key, row), { key, revision: null }]
      const put = [{ key, value: encodeRow('secretHome', key, { kind, project }) }]
      const repair = { what: 'put it into the index', expect, put }
      findings.add('secret', `${shown(row.key)}: the index lacks it`, repair)
    }
    if (kind !== 'secret') continue
    const secret = readable(findings, 'secret', row)
    if (secret === undefined || secret.payloadType === null) continue
    if ((await rows.get(identityKeys.secretPayload(project, id))) !== undefined) continue
    findings.add('secret', `${shown(row.key)}: its payload is lost`)
  }
}
