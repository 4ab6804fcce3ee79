// Secrets: made with their payload or before it, read, listed and removed. A payload is sealed under the root key, in an
// envelope of its own.
import type { Identity } from '../auth/identity.ts'
import { identityKeys } from '../catalog/identity-keys.ts'
import type { SecretRow } from '../catalog/identity-rows.ts'
import { IdentityRefused } from '../identity/refused.ts'
import { decodeFound, encodeRow } from '../identity/row-forms.ts'
import { userIdOf } from '../identity/user-names.ts'
import { nowMicros } from '../names.ts'
import { commitWithRetry, type Draft } from '../service/stores.ts'
import {
  draftKept,
  drawUuid,
  dropKept,
  type Found,
  findKept,
  type Keep,
  listKept,
  missing,
  requireKeeper,
  requireRoom,
  type Wish,
} from './keep.ts'
import type { KeptPage } from './page.ts'
import { payloadContext } from './secret-context.ts'

/** Largest payload in bytes: Barbican's default (max_allowed_secret_in_bytes). */
export const PAYLOAD_BYTES_MAX = 20_000

export const secretTypes = [
  'opaque',
  'symmetric',
  'private',
  'public',
  'certificate',
  'passphrase',
] as const
export type SecretType = (typeof secretTypes)[number]

export const payloadTypes = [
  'text/plain',
  'application/octet-stream',
  'application/pkcs8',
  'application/pkix-cert',
] as const
export type PayloadType = (typeof payloadTypes)[number]

export interface Payload {
  readonly type: PayloadType
  readonly bytes: Buffer
}

export interface NewSecret {
  readonly name: string
  readonly type: SecretType
  readonly algorithm: string | null
  readonly bitLength: number | null
  readonly mode: string | null
  readonly expiresMicros: number | null
}

export interface SecretFacts extends SecretRow {
  readonly id: string
}

const invalid = (message: string) => new IdentityRefused('invalid', message)

/** Throws IdentityRefused: `invalid` for an empty payload, and for a symmetric key of another length than the secret
 * says; `tooLarge`. */
function requirePayload(
  { bytes }: Payload,
  { type, bitLength }: Pick<SecretRow, 'type' | 'bitLength'>,
) {
  if (bytes.length === 0) throw invalid('The payload is empty.')
  if (bytes.length > PAYLOAD_BYTES_MAX) {
    throw new IdentityRefused('tooLarge', `A payload has ${PAYLOAD_BYTES_MAX} bytes at most.`)
  }
  // Of other types nothing follows from it: clients send a bit_length of 256 unasked.
  if (type === 'symmetric' && bitLength !== null && bytes.length * 8 !== bitLength) {
    throw invalid(`The payload has ${bytes.length * 8} bits, and bit_length says ${bitLength}.`)
  }
}

function putPayload(
  { cipher, macs }: Keep,
  draft: Draft,
  project: string,
  id: string,
  payload: Payload,
) {
  const key = identityKeys.secretPayload(project, id)
  const sealed = cipher.seal(payloadContext(project, id), payload.bytes)
  draft.put(key, encodeRow('secretPayload', key, { sealed }, macs))
}

/** Adds a new secret to a commit. Throws IdentityRefused. */
export async function draftSecret(
  keep: Keep,
  draft: Draft,
  caller: Identity,
  asked: NewSecret,
  payload: Payload | null,
): Promise<string> {
  const { account: project } = caller
  const { expiresMicros } = asked
  const now = nowMicros()
  if (expiresMicros !== null && expiresMicros <= now)
    throw invalid("'expiration' is before current time")
  if (payload !== null) requirePayload(payload, asked)
  await requireRoom(keep, project, 'secret')
  const id = drawUuid()
  const row: SecretRow = {
    ...asked,
    createdMicros: now,
    updatedMicros: now,
    creator: userIdOf(caller),
    metadata: {},
    acl: null,
    payloadType: payload?.type ?? null,
  }
  if (payload !== null) putPayload(keep, draft, project, id, payload)
  draftKept(keep, draft, 'secret', { project, id }, row)
  return id
}

/** Makes a secret, and returns its id. `payload` stays the caller's. */
export async function createSecret(
  keep: Keep,
  caller: Identity,
  asked: NewSecret,
  payload: Payload | null,
): Promise<string> {
  requireKeeper(caller)
  return await commitWithRetry(keep.catalog, (draft) =>
    draftSecret(keep, draft, caller, asked, payload),
  )
}

const isOver = ({ expiresMicros }: SecretRow) =>
  expiresMicros !== null && expiresMicros <= Date.now() * 1000

/** A secret that has not expired. Throws IdentityRefused. */
export async function findSecret(
  keep: Keep,
  caller: Identity,
  id: string,
  wish: Wish,
): Promise<Found<SecretRow>> {
  const found = await findKept(keep, caller, 'secret', id, wish)
  if (isOver(found.row)) throw missing('secret')
  return found
}

/** What a secret says of itself, without its payload. Throws as `findSecret`. */
export async function readSecret(keep: Keep, caller: Identity, id: string): Promise<SecretFacts> {
  return { id, ...(await findSecret(keep, caller, id, 'read')).row }
}

/** The payload, which the caller zeroes. Throws IdentityRefused `missing` also before it has come. */
export async function readPayload(keep: Keep, caller: Identity, id: string): Promise<Payload> {
  const { project, row } = await findSecret(keep, caller, id, 'readPayload')
  const stored = await keep.catalog.get(identityKeys.secretPayload(project, id))
  const payload = decodeFound('secretPayload', stored, keep.macs)
  if (payload === undefined || row.payloadType === null) {
    throw new IdentityRefused('missing', 'Not Found. Sorry but your secret has no payload.')
  }
  const bytes = keep.cipher.open(payloadContext(project, id), payload.sealed)
  return { type: row.payloadType as PayloadType, bytes }
}

/** Changes a secret's row, in a commit that expects it. */
export async function changeSecret(
  keep: Keep,
  caller: Identity,
  id: string,
  wish: Wish,
  changed: (row: SecretRow, draft: Draft, project: string) => Partial<SecretRow>,
): Promise<void> {
  await commitWithRetry(keep.catalog, async (draft) => {
    const { project, key, stored, row } = await findSecret(keep, caller, id, wish)
    const updatedMicros = nowMicros(row.updatedMicros)
    const next = { ...row, updatedMicros, ...changed(row, draft, project) }
    draft.expect(key, stored).put(key, encodeRow('secret', key, next, keep.macs))
  })
}

/** Gives a secret the payload that it was made without. Throws IdentityRefused `taken` where it has one. */
export async function addPayload(
  keep: Keep,
  caller: Identity,
  id: string,
  payload: Payload,
): Promise<void> {
  await changeSecret(keep, caller, id, 'change', (row, draft, project) => {
    if (row.payloadType !== null) {
      throw new IdentityRefused('taken', 'Secret already has data, cannot modify it.')
    }
    requirePayload(payload, row)
    putPayload(keep, draft, project, id, payload)
    return { payloadType: payload.type }
  })
}

/** Removes a secret with its payload, also one that has expired. Rejects as `findKept`. */
export async function deleteSecret(keep: Keep, caller: Identity, id: string): Promise<void> {
  await commitWithRetry(keep.catalog, async (draft) => {
    const found = await findKept(keep, caller, 'secret', id, 'change')
    dropKept(draft, 'secret', id, found)
    draft.del(identityKeys.secretPayload(found.project, id))
  })
}

export interface SecretFilter {
  readonly name: string | null
  readonly algorithm: string | null
  readonly mode: string | null
  readonly bitLength: number | null
  readonly type: string | null
}

/** A page of the secrets of the caller's project. Rejects as `listKept`. */
export async function listSecrets(
  keep: Keep,
  caller: Identity,
  { name, algorithm, mode, bitLength, type }: SecretFilter,
  page: { readonly offset: number; readonly limit: number },
): Promise<KeptPage<SecretRow>> {
  const fits = <T>(wanted: T | null, value: T | null) => wanted === null || wanted === value
  return await listKept(
    keep,
    caller,
    'secret',
    page,
    (row) =>
      !isOver(row) &&
      fits(name, row.name) &&
      fits(algorithm, row.algorithm) &&
      fits(mode, row.mode) &&
      fits(bitLength, row.bitLength) &&
      fits(type, row.type),
  )
}
