// Containers: create, change, find, delete. A change of settings and of the container's row is one commit, so that
// whoever writes objects meanwhile sees all of it or nothing, and none is for a container that is gone.
import type { Asker } from '../auth/asker.ts'
import { countersOf, type Row } from '../catalog/catalog.ts'
import { rowKeys } from '../catalog/keys.ts'
import { bucketRow, type ContainerRow, containerRow } from '../catalog/rows.ts'
import { CofferError } from '../errors.ts'
import { CONTAINER_NAME_BYTES_MAX, nowMicros, randomId } from '../names.ts'
import { authorize } from './access.ts'
import { draftAccount } from './accounts.ts'
import type { Action } from './actions.ts'
import type {
  ContainerInfo,
  ContainerRef,
  ContainerSettings,
  ListedContainer,
  MetadataChanges,
} from './container-types.ts'
import { mergeMetadata } from './metadata.ts'
import { draftSetting, settingOf } from './settings.ts'
import { commitWithRetry, type Draft, decoded, type Stores } from './stores.ts'
import { requireContainer } from './versions.ts'

/** The container that a name means: the caller's own, else that of the node-wide index (D-BUCKET-INDEX). */
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
    else draftChange(draft, ref, place.own, place.metadata, settings)
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
    const { account, container } = ref
    const [own, metadata] = await stores.catalog.getMany([
      rowKeys.container(account, container),
      rowKeys.setting(account, container, 'metadata'),
    ])
    if (own === undefined) throw new CofferError('ContainerMissing', { container })
    draftChange(draft, ref, own, metadata, settings)
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
  const [own, usage, stored] = await stores.catalog.getMany([
    rowKeys.container(account, container),
    rowKeys.containerUsage(account, container),
    rowKeys.setting(account, container, 'metadata'),
  ])
  if (own === undefined) throw new CofferError('ContainerMissing', { container })
  const row = containerRow.decode(own.value)
  const metadata = settingOf({ kind: 'metadata', containerId: row.id, stored }) ?? {}
  return { ...describeContainer(ref, row, usage && countersOf(usage.value)), metadata }
}

/** What a container's row says of it; `usage` are its counters: objects, bytes, versions. */
export function describeContainer(
  { account, container }: ContainerRef,
  row: ContainerRow,
  usage: readonly number[] = [],
): ListedContainer {
  const { createdMicros, modifiedMicros, acl, versioning } = row
  const [objects = 0, bytes = 0, versions = 0] = usage
  const counted = { objects, bytes, versions }
  return { account, container, createdMicros, modifiedMicros, ...counted, acl, versioning }
}

/** Deletes an empty container; its settings and unfinished uploads go with it. Throws AccessDenied,
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
    draft.queue(stores, { kind: 'container', account, container, containerId })
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

/** What a commit that creates a container must expect: its row, who holds its name, its account's row, and its
 * metadata's, which an earlier container may have left. */
interface Place {
  readonly own: Row | undefined
  readonly holder: Row | undefined
  readonly accountRow: Row | undefined
  readonly metadata: Row | undefined
}

async function readPlace(
  { catalog }: Stores,
  { account, container }: ContainerRef,
): Promise<Place> {
  const keys = [
    rowKeys.container(account, container),
    rowKeys.bucket(container),
    rowKeys.account(account),
    rowKeys.setting(account, container, 'metadata'),
  ]
  const [own, holder, accountRow, metadata] = await catalog.getMany(keys)
  return { own, holder, accountRow, metadata }
}

function draftContainer(
  draft: Draft,
  ref: ContainerRef,
  { holder, accountRow, metadata }: Place,
  settings: ContainerSettings,
): void {
  const { account, container } = ref
  const key = rowKeys.container(account, container)
  const nowAt = nowMicros()
  const fresh: ContainerRow = {
    id: randomId(),
    createdMicros: nowAt,
    modifiedMicros: nowAt,
    acl: { read: '', write: '' },
    versioning: null,
  }
  draft.expect(key, undefined).put(key, containerRow.encode(changed(fresh, settings)))
  draftMetadata(draft, ref, fresh.id, metadata, settings.metadata)
  draft.add(rowKeys.containerUsage(account, container), 0, 0, 0)
  draft.add(rowKeys.accountUsage(account), 1, 0, 0)
  draft.expect(rowKeys.bucket(container), holder)
  if (holder === undefined) draft.put(rowKeys.bucket(container), bucketRow.encode({ account }))
  if (accountRow === undefined) draftAccount(draft, account)
}

function draftChange(
  draft: Draft,
  ref: ContainerRef,
  own: Row,
  metadata: Row | undefined,
  settings: ContainerSettings,
): void {
  const before = containerRow.decode(own.value)
  const row = { ...before, modifiedMicros: nowMicros(before.modifiedMicros) }
  draft.expect(own.key, own).put(own.key, containerRow.encode(changed(row, settings)))
  draftMetadata(draft, ref, row.id, metadata, settings.metadata)
}

const changed = (row: ContainerRow, { acl, versioning }: ContainerSettings): ContainerRow => ({
  ...row,
  acl: { ...row.acl, ...acl },
  versioning: versioning ?? row.versioning,
})

function draftMetadata(
  draft: Draft,
  ref: ContainerRef,
  containerId: string,
  stored: Row | undefined,
  changes: MetadataChanges = {},
): void {
  if (Object.keys(changes).length === 0) return
  const setting = { kind: 'metadata', containerId, stored } as const
  const metadata = mergeMetadata(settingOf(setting) ?? {}, changes)
  const isEmpty = Object.keys(metadata).length === 0
  draftSetting(draft, ref, setting, isEmpty ? undefined : metadata)
}
