// What the key manager's verbs work on; how one finds what an id names, and whether the caller may have it. Statuses of
// Barbican: another project's secret is forbidden, and not missing.
import { randomBytes } from 'node:crypto'
import type { Identity } from '../auth/identity.ts'
import type { Catalog, Row } from '../catalog/catalog.ts'
import { identityKeys, type KeptKind } from '../catalog/identity-keys.ts'
import type { SecretAcl } from '../catalog/identity-rows.ts'
import type { RowMacs } from '../crypto/row-mac.ts'
import type { SecretCipher } from '../crypto/sealed-secret.ts'
import { IdentityRefused } from '../identity/refused.ts'
import { keepsSecrets, ownsSecrets, readsPayloads, readsSecretFacts } from '../identity/rights.ts'
import {
  decodeFound,
  decodeRow,
  encodeRow,
  type RowContents,
  readRow,
} from '../identity/row-forms.ts'
import { userIdOf } from '../identity/user-names.ts'
import { nowMicros } from '../names.ts'
import type { Draft } from '../service/stores.ts'
import { countKept, type KeptPage, pageOf, usageOf } from './page.ts'

export interface Keep {
  readonly catalog: Catalog
  readonly cipher: SecretCipher
  readonly macs: RowMacs
}

/** Most secrets of a project, and most orders, and most containers. */
export const KEPT_MAX = 10_000

/** What a caller may be allowed with something that is kept. */
export type Wish = 'read' | 'readPayload' | 'change' | 'share'

const words: Readonly<Record<KeptKind, string>> = {
  secret: 'Secret',
  'secret-order': 'Order',
  'secret-container': 'Container',
}

/** Refusals in Barbican's words. */
export const missing = (kind: KeptKind) =>
  new IdentityRefused('missing', `${words[kind]} not found.`)

export const forbidden = () =>
  new IdentityRefused(
    'forbidden',
    'Operation not allowed - please review your user/project privileges',
  )

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** A UUID of version 7 (RFC 9562 §5.7, with microseconds as in its §6.2): ids sort by the time at which they were drawn,
 * and lists are in that order. */
export function drawUuid(): string {
  const bytes = randomBytes(16)
  const micros = nowMicros()
  bytes.writeUIntBE(Math.floor(micros / 1000), 0, 6)
  bytes.writeUInt16BE(0x7000 | Math.floor(((micros % 1000) * 4096) / 1000), 6)
  bytes[8] = 0x80 | (bytes[8]! & 0x3f)
  const hex = bytes.toString('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

interface Guarded {
  readonly creator: string
  readonly acl?: SecretAcl | null
}

/** True where the caller, of the roles that it has in its project, may do that. What nobody proves is its owners' alone. */
function isAllowed(
  caller: Identity,
  project: string,
  { row, holds }: { readonly row: Guarded; readonly holds: boolean },
  wish: Wish,
): boolean {
  const self = userIdOf(caller)
  const acl = row.acl ?? null
  const isTheirs = caller.account === project
  if (isTheirs && ownsSecrets(caller)) return true
  if (!holds) return false
  if (isTheirs && keepsSecrets(caller) && row.creator === self) return true
  if (wish === 'share') return false
  if (wish !== 'change' && acl?.users.includes(self) === true) return true
  if (!isTheirs || acl?.projectAccess === false) return false
  if (wish === 'change') return keepsSecrets(caller)
  return wish === 'readPayload' ? readsPayloads(caller) : readsSecretFacts(caller)
}

export interface Found<T> {
  readonly project: string
  readonly key: string
  readonly stored: Row
  readonly row: T
}

/** The form of each kind's rows. */
const forms = {
  secret: 'secret',
  'secret-order': 'secretOrder',
  'secret-container': 'secretContainer',
} as const satisfies Record<KeptKind, keyof RowContents>

type KeptRow<K extends KeptKind> = RowContents[(typeof forms)[K]]

const keyOf = (kind: KeptKind, project: string, id: string) =>
  identityKeys[forms[kind]](project, id)

/** The row of that id, for a caller who may do that with it. Throws IdentityRefused `missing`, `forbidden`. */
export async function findKept<K extends KeptKind>(
  { catalog, macs }: Keep,
  caller: Identity,
  kind: K,
  id: string,
  wish: Wish,
): Promise<Found<KeptRow<K>>> {
  if (!uuid.test(id)) throw missing(kind)
  const home = decodeFound('secretHome', await catalog.get(identityKeys.secretHome(id)), macs)
  if (home?.kind !== kind) throw missing(kind)
  const { project } = home
  const key = keyOf(kind, project, id)
  const stored = await catalog.get(key)
  if (stored === undefined) throw missing(kind)
  const read = readRow(forms[kind], stored, macs)
  if (!isAllowed(caller, project, read, wish)) throw forbidden()
  return { project, key, stored, row: read.row }
}

/** Throws IdentityRefused `limit` where a project has as many as it may. */
export async function requireRoom({ catalog }: Keep, project: string, kind: KeptKind) {
  if ((await countKept(catalog, project, kind)) < KEPT_MAX) return
  const what = `${words[kind].toLowerCase()}s`
  throw new IdentityRefused('limit', `A project has ${KEPT_MAX} ${what} at most.`)
}

/** Adds a new row to a commit, with its place in the index and in the count. */
export function draftKept<K extends KeptKind>(
  { macs }: Keep,
  draft: Draft,
  kind: K,
  { project, id }: { readonly project: string; readonly id: string },
  row: KeptRow<K>,
): void {
  const key = keyOf(kind, project, id)
  const home = identityKeys.secretHome(id)
  draft
    .expect(key, undefined)
    .put(key, encodeRow(forms[kind], key, row, macs))
    .put(home, encodeRow('secretHome', home, { kind, project }, macs))
    .add(identityKeys.secretUsage(project), ...usageOf(kind, 1))
}

/** Takes a row out, with its place in the index and in the count. */
export function dropKept(
  draft: Draft,
  kind: KeptKind,
  id: string,
  { project, key, stored }: Found<unknown>,
): void {
  draft
    .expect(key, stored)
    .del(key)
    .del(identityKeys.secretHome(id))
    .add(identityKeys.secretUsage(project), ...usageOf(kind, -1))
}

/** Throws IdentityRefused `forbidden` for a caller who keeps no secrets. */
export function requireKeeper(caller: Identity): void {
  if (!keepsSecrets(caller)) throw forbidden()
}

/** A page of what the caller's project keeps of that kind, of those that `isWanted`. Throws IdentityRefused `forbidden` for
 * a caller who may not know which secrets its project has. */
export async function listKept<K extends KeptKind>(
  { catalog, macs }: Keep,
  caller: Identity,
  kind: K,
  page: { readonly offset: number; readonly limit: number },
  isWanted: (row: KeptRow<K>) => boolean,
): Promise<KeptPage<KeptRow<K>>> {
  if (!readsSecretFacts(caller)) throw forbidden()
  const read = (row: Row) => decodeRow(forms[kind], row, macs)
  return await pageOf(catalog, caller.account, kind, page, read, isWanted)
}
