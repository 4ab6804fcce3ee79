// Containers: create, change, find, delete. Settings and the container's row are one commit, so that
// whoever writes objects meanwhile sees all of a change or nothing.
import type { Asker } from '../auth/asker.ts'
import type { Row } from '../catalog/catalog.ts'
import { countersOf } from '../catalog/framing.ts'
import { rowKeys } from '../catalog/keys.ts'
import { bucketRow, type ContainerRow, containerRow } from '../catalog/rows.ts'
import { CofferError } from '../errors.ts'
import { CONTAINER_NAME_BYTES_MAX, nowMicros, randomId } from '../names.ts'
import { authorize } from './access.ts'
import { draftAccount } from './accounts.ts'
import type { Action } from './actions.ts'
import type { ContainerInfo, ContainerRef, ContainerSettings } from './container-types.ts'
import { mergeMetadata } from './metadata.ts'
import { commitWithRetry, type Draft, decoded, type Stores } from './stores.ts'
import { requireContainer } from './versions.ts'

/** The container a name means: the caller's own first, then the node-wide index (D-BUCKET-INDEX). */
export async function resolveContainer(
  stores: Stores,
  asker: Asker,
  container: string,
): Promise<ContainerRef> {
  if (asker.caller !== null) {
    const { account } = asker.caller
    const own = await stores.catalog.get(rowKeys.container(account, container))
    if (own !== undefined) return { account, container }
  }
  const holder = decoded(bucketRow, await stores.catalog.get(rowKeys.bucket(container)))
  if (holder === undefined) throw new CofferError('ContainerMissing', { container })
  return { account: holder.account, container }
}

/** Creates a container, and enters its name in the node-wide index where the name is free there. With
 * `indexed` it must be. Throws AccessDenied, ContainerExists, ContainerTaken, ContainerNameInvalid. */
export async function createContainer(
  stores: Stores,
  asker: Asker,
  ref: ContainerRef,
  options: { indexed: boolean },
): Promise<void> {
  await authorize(stores, asker, 'createContainer', ref)
  requireName(ref)
  const { container } = ref
  await commitWithRetry(stores.catalog, async (draft) => {
    const place = await readPlace(stores, ref)
    if (place.own !== undefined) throw new CofferError('ContainerExists', { container })
    if (place.holder !== undefined && options.indexed) {
      throw new CofferError('ContainerTaken', { container })
    }
    draftContainer(draft, ref, place, {})
  })
}

/** Creates the container, or changes the one that is there; its name is in the node-wide index if it was
 * free when the container was created. Throws AccessDenied, ContainerNameInvalid, MetadataTooLarge,
 * MetadataTooMany. */
export async function putContainer(
  stores: Stores,
  asker: Asker,
  ref: ContainerRef,
  settings: ContainerSettings,
): Promise<{ created: boolean }> {
  await authorize(stores, asker, 'createContainer', ref)
  await authorizeSettings(stores, asker, ref, settings)
  requireName(ref)
  return await commitWithRetry(stores.catalog, async (draft) => {
    const place = await readPlace(stores, ref)
    if (place.own === undefined) draftContainer(draft, ref, place, settings)
    else draftChange(draft, place.own, settings)
    return { created: place.own === undefined }
  })
}

/** Changes settings: what is not mentioned stays. Throws AccessDenied, ContainerMissing, MetadataTooLarge,
 * MetadataTooMany. */
export async function updateContainer(
  stores: Stores,
  asker: Asker,
  ref: ContainerRef,
  settings: ContainerSettings,
): Promise<void> {
  const { metadata, acl, versioning } = settings
  const onlyOthers = metadata === undefined && (acl !== undefined || versioning !== undefined)
  if (!onlyOthers) await authorize(stores, asker, 'updateContainer', ref)
  await authorizeSettings(stores, asker, ref, settings)
  await commitWithRetry(stores.catalog, async (draft) => {
    draftChange(draft, await requireContainer(stores.catalog, ref), settings)
  })
}

/** `action`: what it is described for, of the container or of what `ref` names in it. Throws AccessDenied,
 * ContainerMissing. */
export async function headContainer(
  stores: Stores,
  asker: Asker,
  ref: ContainerRef,
  action: Action = 'headContainer',
): Promise<ContainerInfo> {
  await authorize(stores, asker, action, ref)
  const { account, container } = ref
  const keys = [rowKeys.container(account, container), rowKeys.containerUsage(account, container)]
  const [row, usage] = await stores.catalog.getMany(keys)
  if (row === undefined) throw new CofferError('ContainerMissing', { container })
  return describeContainer(ref, containerRow.decode(row.value), usage && countersOf(usage.value))
}

/** What a container says of itself; `usage` are its counters: objects, bytes, versions. */
export function describeContainer(
  { account, container }: ContainerRef,
  row: ContainerRow,
  usage: readonly number[] = [],
): ContainerInfo {
  const { createdMicros, modifiedMicros, metadata, acl, versioning } = row
  const [objects = 0, bytes = 0, versions = 0] = usage
  const counted = { objects, bytes, versions }
  return {
    account,
    container,
    createdMicros,
    modifiedMicros,
    ...counted,
    metadata,
    acl,
    versioning,
  }
}

/** Deletes an empty container; its unfinished uploads go with it (D-EMPTY). Throws AccessDenied,
 * ContainerMissing, ContainerNotEmpty. */
export async function deleteContainer(
  stores: Stores,
  asker: Asker,
  ref: ContainerRef,
): Promise<void> {
  await authorize(stores, asker, 'deleteContainer', ref)
  const { account, container } = ref
  await commitWithRetry(stores.catalog, async (draft) => {
    const row = await requireContainer(stores.catalog, ref)
    const usage = await stores.catalog.getCounters(rowKeys.containerUsage(account, container))
    const [objects = 0, , versions = 0] = usage?.values ?? []
    if (objects !== 0) throw new CofferError('ContainerNotEmpty', { container })
    if (versions !== 0) throw new CofferError('ContainerNotEmpty', { container, versions })
    draft
      .expect(rowKeys.container(account, container), row)
      .del(rowKeys.container(account, container))
    draft
      .expect(rowKeys.containerUsage(account, container), usage)
      .del(rowKeys.containerUsage(account, container))
    draft.add(rowKeys.accountUsage(account), -1, 0, 0)
    const holder = await stores.catalog.get(rowKeys.bucket(container))
    if (decoded(bucketRow, holder)?.account === account) {
      draft.expect(rowKeys.bucket(container), holder).del(rowKeys.bucket(container))
    }
    const { id: containerId } = containerRow.decode(row.value)
    draft.queue(stores, { kind: 'uploads', account, container, containerId })
  })
}

/** Who may do what, and whether versions are kept, are actions of their own. */
async function authorizeSettings(
  stores: Stores,
  asker: Asker,
  ref: ContainerRef,
  { acl, versioning }: ContainerSettings,
): Promise<void> {
  if (acl !== undefined) await authorize(stores, asker, 'setContainerAcl', ref)
  if (versioning !== undefined) await authorize(stores, asker, 'setVersioning', ref)
}

function requireName({ container }: ContainerRef): void {
  const size = Buffer.byteLength(container)
  const legal = size > 0 && size <= CONTAINER_NAME_BYTES_MAX && container.isWellFormed()
  if (!legal || container.includes('/'))
    throw new CofferError('ContainerNameInvalid', { container })
}

/** What a commit that creates a container must expect: its row, who holds its name, its account's row. */
interface Place {
  readonly own: Row | undefined
  readonly holder: Row | undefined
  readonly accountRow: Row | undefined
}

async function readPlace(
  { catalog }: Stores,
  { account, container }: ContainerRef,
): Promise<Place> {
  const keys = [
    rowKeys.container(account, container),
    rowKeys.bucket(container),
    rowKeys.account(account),
  ]
  const [own, holder, accountRow] = await catalog.getMany(keys)
  return { own, holder, accountRow }
}

function draftContainer(
  draft: Draft,
  { account, container }: ContainerRef,
  { holder, accountRow }: Place,
  settings: ContainerSettings,
): void {
  const key = rowKeys.container(account, container)
  const nowAt = nowMicros()
  const fresh: ContainerRow = {
    id: randomId(),
    createdMicros: nowAt,
    modifiedMicros: nowAt,
    metadata: {},
    acl: { read: '', write: '' },
    versioning: null,
  }
  draft.expect(key, undefined).put(key, containerRow.encode(changed(fresh, settings)))
  draft.add(rowKeys.containerUsage(account, container), 0, 0, 0)
  draft.add(rowKeys.accountUsage(account), 1, 0, 0)
  draft.expect(rowKeys.bucket(container), holder)
  if (holder === undefined) draft.put(rowKeys.bucket(container), bucketRow.encode({ account }))
  if (accountRow === undefined) draftAccount(draft, account)
}

function draftChange(draft: Draft, stored: Row, settings: ContainerSettings): void {
  const before = containerRow.decode(stored.value)
  const row = { ...before, modifiedMicros: nowMicros(before.modifiedMicros) }
  draft.expect(stored.key, stored).put(stored.key, containerRow.encode(changed(row, settings)))
}

function changed(
  row: ContainerRow,
  { metadata, acl, versioning }: ContainerSettings,
): ContainerRow {
  return {
    ...row,
    metadata: mergeMetadata(row.metadata, metadata),
    acl: { ...row.acl, ...acl },
    versioning: versioning ?? row.versioning,
  }
}
