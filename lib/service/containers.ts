// Containers: create, change, find, delete. A change of settings and of the container's row is one commit, so that
// whoever writes objects meanwhile sees all of it or nothing, and none is for a container that is gone.
import type { Asker } from '../auth/asker.ts'
import { countersOf, type Row } from '../catalog/catalog.ts'
import { rowKeys } from '../catalog/keys.ts'
import { bucketRow, type ContainerRow, containerRow } from '../catalog/rows.ts'
import { CofferError } from '../errors.ts'
import { CONTAINER_NAME_BYTES_MAX, nowMicros, randomId } from '../names.ts'
import { authorize, ownsByRole } from './access.ts'
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
import { draftSetting, settingOf, soundSettingOf } from './settings.ts'
import { commitWithRetry, type Draft, judged, type Stores } from './stores.ts'
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
  const account = holderOf(stores, await stores.catalog.get(rowKeys.bucket(container)))
  if (account === undefined) throw new CofferError('ContainerMissing', { container })
  return { account, container }
}

/** The account that a row of the index leads to. One whose MAC does not hold leads nowhere, and its name is free. */
function holderOf({ macs }: Stores, row: Row | undefined): string | undefined {
  const holder = judged(bucketRow, row, macs)
  return holder?.holds ? holder.row.account : undefined
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
    if (options.indexed && holderOf(stores, place.holder) !== undefined) {
      throw new CofferError('ContainerTaken', { container })
    }
    draftContainer(stores, draft, ref, place, {})
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
    if (place.own === undefined) draftContainer(stores, draft, ref, place, settings)
    else draftChange(stores, asker, draft, ref, place, settings)
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
    const place = await readPlace(stores, ref)
    draftChange(stores, asker, draft, ref, place, settings)
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
  const { row } = containerRow.read(own, stores.macs)
  const metadata = settingOf({ kind: 'metadata', container: row, stored }) ?? {}
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
    if (holderOf(stores, holder) === account) {
      draft.expect(rowKeys.bucket(container), holder).del(rowKeys.bucket(container))
    }
    const { id: containerId } = containerRow.decodeUnproven(row.value)
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
  stores: Stores,
  draft: Draft,
  ref: ContainerRef,
  place: Place,
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
    settings: {},
  }
  const row = changed(fresh, settings)
  row.settings = draftMetadata(draft, ref, { ...place, row, sound: settingOf }, settings.metadata)
  draft.expect(key, undefined).put(key, containerRow.encode(key, row, stores.macs))
  draft.add(rowKeys.containerUsage(account, container), 0, 0, 0)
  draft.add(rowKeys.accountUsage(account), 1, 0, 0)
  draft.expect(rowKeys.bucket(container), place.holder)
  draftHolder(stores, draft, ref, place.holder)
  if (place.accountRow === undefined) draftAccount(stores, draft, account)
}

/** Enters the container in the index, where its name is free there. */
function draftHolder(
  stores: Stores,
  draft: Draft,
  { account, container }: ContainerRef,
  holder: Row | undefined,
): void {
  if (holderOf(stores, holder) !== undefined) return
  const key = rowKeys.bucket(container)
  draft.expect(key, holder).put(key, bucketRow.encode(key, { account }, stores.macs))
}

/**
 * Adds a change of the container to the draft. Its row, a setting and the index's row are set anew where nobody proves
 * them, if the asker is one who may (D-MAC-ANEW). Throws ContainerMissing.
 */
function draftChange(
  stores: Stores,
  asker: Asker,
  draft: Draft,
  ref: ContainerRef,
  place: Place,
  settings: ContainerSettings,
): void {
  const { own, holder } = place
  if (own === undefined) throw new CofferError('ContainerMissing', { container: ref.container })
  const { row: before, holds } = containerRow.read(own, stores.macs)
  const row = changed({ ...before, modifiedMicros: nowMicros(before.modifiedMicros) }, settings)
  const mayAnew = ownsByRole(stores, asker, ref.account)
  const sound = mayAnew ? soundSettingOf : settingOf
  // Whatever the settings of a row that nobody proves were, they go with it.
  const changes = settings.metadata ?? (holds ? undefined : {})
  row.settings = draftMetadata(draft, ref, { ...place, row, sound }, changes)
  draft.expect(own.key, own).put(own.key, containerRow.encode(own.key, row, stores.macs))
  if (mayAnew && holder !== undefined) draftHolder(stores, draft, ref, holder)
}

const changed = (row: ContainerRow, { acl, versioning }: ContainerSettings): ContainerRow => ({
  ...row,
  acl: { ...row.acl, ...acl },
  versioning: versioning ?? row.versioning,
})

/** Adds changes of metadata to the draft. Returns what the container's row must say of its settings then. */
function draftMetadata(
  draft: Draft,
  ref: ContainerRef,
  {
    row,
    metadata,
    sound,
  }: Pick<Place, 'metadata'> & { row: ContainerRow; sound: typeof settingOf },
  changes: MetadataChanges | undefined,
): ContainerRow['settings'] {
  if (changes === undefined) return row.settings
  const setting = { kind: 'metadata', container: row, stored: metadata } as const
  const merged = mergeMetadata(sound(setting) ?? {}, changes)
  const isEmpty = Object.keys(merged).length === 0
  return draftSetting(draft, ref, setting, isEmpty ? undefined : merged)
}
