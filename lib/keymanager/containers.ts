// Containers of the key manager: named groups of secrets, and who uses them (consumers).
import type { Identity } from '../auth/identity.ts'
import type { Consumer, SecretContainerRow } from '../catalog/identity-rows.ts'
import { IdentityRefused } from '../identity/refused.ts'
import { encodeRow } from '../identity/row-forms.ts'
import { userIdOf } from '../identity/user-names.ts'
import { nowMicros } from '../names.ts'
import { commitWithRetry } from '../service/stores.ts'
import {
  draftKept,
  drawUuid,
  dropKept,
  findKept,
  type Keep,
  listKept,
  requireKeeper,
  requireRoom,
  type Wish,
} from './keep.ts'
import { findSecret } from './secrets.ts'

export const containerTypes = ['generic', 'rsa', 'certificate'] as const
export type ContainerType = (typeof containerTypes)[number]

/** Most secrets of a container. */
export const CONTAINER_SECRETS_MAX = 100
/** Most consumers of a container. */
const CONSUMERS_MAX = 100

/** Names of secrets that a container of a type must have, and may have beside them; a generic one has any. */
const parts: Readonly<
  Record<Exclude<ContainerType, 'generic'>, { must: string[]; may: string[] }>
> = {
  rsa: { must: ['public_key', 'private_key'], may: ['private_key_passphrase'] },
  certificate: {
    must: ['certificate'],
    may: ['private_key', 'private_key_passphrase', 'intermediates'],
  },
}

export interface NewContainer {
  readonly name: string
  readonly type: ContainerType
  readonly secrets: SecretContainerRow['secrets']
}

const invalid = (message: string) => new IdentityRefused('invalid', message)

/** Throws IdentityRefused `invalid` where names or secrets come twice, or do not fit the type. */
function requireParts({ type, secrets }: NewContainer): void {
  const names = secrets.map(({ name }) => name)
  if (
    new Set(names.filter((name) => name !== '')).size < names.filter((name) => name !== '').length
  ) {
    throw invalid('Two secrets have one name.')
  }
  if (new Set(secrets.map(({ secret }) => secret)).size < secrets.length) {
    throw invalid('A secret comes twice.')
  }
  if (secrets.length > CONTAINER_SECRETS_MAX) {
    throw invalid(`A container has ${CONTAINER_SECRETS_MAX} secrets at most.`)
  }
  if (type === 'generic') return
  const { must, may } = parts[type]
  const fits =
    must.every((name) => names.includes(name)) &&
    names.every((name) => must.includes(name) || may.includes(name))
  if (!fits) throw invalid(`A container of type ${type} has ${[...must, ...may].join(', ')}.`)
}

/** Makes a container of secrets that the caller may read, and returns its id. */
export async function createContainer(
  keep: Keep,
  caller: Identity,
  asked: NewContainer,
): Promise<string> {
  requireKeeper(caller)
  requireParts(asked)
  for (const { secret } of asked.secrets) await findSecret(keep, caller, secret, 'read')
  const { account: project } = caller
  const { catalog } = keep
  return await commitWithRetry(catalog, async (draft) => {
    await requireRoom(keep, project, 'secret-container')
    const id = drawUuid()
    const now = nowMicros()
    const row: SecretContainerRow = {
      createdMicros: now,
      updatedMicros: now,
      creator: userIdOf(caller),
      name: asked.name,
      type: asked.type,
      secrets: asked.secrets,
      acl: null,
      consumers: [],
    }
    draftKept(keep, draft, 'secret-container', { project, id }, row)
    return id
  })
}

/** A container that the caller may have. Rejects as `findKept`. */
export const findContainer = (keep: Keep, caller: Identity, id: string, wish: Wish = 'read') =>
  findKept(keep, caller, 'secret-container', id, wish)

/** Changes a container's row, in a commit that expects it, and returns it. */
export async function changeContainer(
  keep: Keep,
  caller: Identity,
  id: string,
  wish: Wish,
  changed: (row: SecretContainerRow) => Partial<SecretContainerRow>,
): Promise<SecretContainerRow> {
  return await commitWithRetry(keep.catalog, async (draft) => {
    const { key, stored, row } = await findContainer(keep, caller, id, wish)
    const next = { ...row, updatedMicros: nowMicros(row.updatedMicros), ...changed(row) }
    draft.expect(key, stored).put(key, encodeRow('secretContainer', key, next, keep.macs))
    return next
  })
}

/** Adds a secret to a generic container. */
export async function addToContainer(
  keep: Keep,
  caller: Identity,
  id: string,
  part: SecretContainerRow['secrets'][number],
): Promise<void> {
  await findSecret(keep, caller, part.secret, 'read')
  await changeContainer(keep, caller, id, 'change', (row) => {
    requireGeneric(row)
    if (row.secrets.some(({ secret }) => secret === part.secret)) {
      throw new IdentityRefused('taken', 'The secret is in the container already.')
    }
    const secrets = [...row.secrets, part]
    requireParts({ name: row.name, type: 'generic', secrets })
    return { secrets }
  })
}

/** Takes a secret out of a generic container. Throws IdentityRefused `missing` where it is not there. */
export async function takeFromContainer(
  keep: Keep,
  caller: Identity,
  id: string,
  gone: string,
): Promise<void> {
  await changeContainer(keep, caller, id, 'change', (row) => {
    requireGeneric(row)
    const secrets = row.secrets.filter(({ secret }) => secret !== gone)
    if (secrets.length === row.secrets.length) {
      throw new IdentityRefused('missing', 'The secret is not in the container.')
    }
    return { secrets }
  })
}

function requireGeneric({ type }: SecretContainerRow): void {
  if (type !== 'generic') throw invalid('Only a generic container can be changed.')
}

const isSame = (a: Consumer, b: Consumer) => a.name === b.name && a.url === b.url

/** Notes who uses a container. The same one twice counts once. */
export const addConsumer = (keep: Keep, caller: Identity, id: string, consumer: Consumer) =>
  changeContainer(keep, caller, id, 'read', ({ consumers }) => {
    if (consumers.some((each) => isSame(each, consumer))) return {}
    if (consumers.length >= CONSUMERS_MAX) {
      throw new IdentityRefused('limit', `A container has ${CONSUMERS_MAX} consumers at most.`)
    }
    return { consumers: [...consumers, consumer] }
  })

/** Throws IdentityRefused `missing` where that one does not use it. */
export const removeConsumer = (keep: Keep, caller: Identity, id: string, consumer: Consumer) =>
  changeContainer(keep, caller, id, 'read', ({ consumers }) => {
    const left = consumers.filter((each) => !isSame(each, consumer))
    if (left.length === consumers.length) {
      throw new IdentityRefused('missing', 'Consumer not found.')
    }
    return { consumers: left }
  })

/** Removes a container; its secrets stay. Rejects as `findKept`. */
export async function deleteContainer(keep: Keep, caller: Identity, id: string): Promise<void> {
  await commitWithRetry(keep.catalog, async (draft) => {
    dropKept(draft, 'secret-container', id, await findContainer(keep, caller, id, 'change'))
  })
}

/** A page of the containers of the caller's project. Rejects as `listKept`. */
export const listContainers = (
  keep: Keep,
  caller: Identity,
  filter: { readonly name: string | null; readonly type: string | null },
  page: { readonly offset: number; readonly limit: number },
) =>
  listKept(
    keep,
    caller,
    'secret-container',
    page,
    ({ name, type }) =>
      (filter.name === null || filter.name === name) &&
      (filter.type === null || filter.type === type),
  )
