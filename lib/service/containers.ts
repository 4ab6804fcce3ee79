// Containers: create, find, list, delete.
import type { Caller } from '../auth/identity.ts'
import {
  accountKey,
  accountUsageKey,
  bucketKey,
  containerKey,
  containerPrefix,
  containerUsageKey,
  endOf,
  queueKey,
  startBehind,
} from '../catalog/keys.ts'
import { accountRow, bucketRow, containerRow, queueRow } from '../catalog/rows.ts'
import { CofferError } from '../errors.ts'
import { nowMicros, randomId } from '../names.ts'
import { authorize } from './access.ts'
import { commitWithRetry, decoded, type Stores } from './stores.ts'
import type { ContainerInfo, ContainerRef } from './types.ts'
import { requireContainer } from './versions.ts'

/** The container a name means: the caller's own first, then the node-wide index (DESIGN §6). */
export async function resolveContainer(
  stores: Stores,
  caller: Caller,
  container: string,
): Promise<ContainerRef> {
  if (caller !== null) {
    const { account } = caller
    const own = await stores.catalog.get(containerKey(account, container))
    if (own !== undefined) return { account, container }
  }
  const holder = decoded(bucketRow, await stores.catalog.get(bucketKey(container)))
  if (holder === undefined) throw new CofferError('ContainerMissing', { container })
  return { account: holder.account, container }
}

/** Creates a container, and enters its name in the node-wide index where the name is free there. */
export async function createContainer(
  stores: Stores,
  caller: Caller,
  ref: ContainerRef,
  options: { indexed: boolean },
): Promise<void> {
  authorize(caller, ref.account, 'write')
  const { account, container } = ref
  const createdMicros = nowMicros()
  await commitWithRetry(stores.catalog, async (draft) => {
    const [own, holder, accountExists] = await stores.catalog.getMany([
      containerKey(account, container),
      bucketKey(container),
      accountKey(account),
    ])
    if (own !== undefined) throw new CofferError('ContainerExists', { container })
    if (holder !== undefined && options.indexed) {
      throw new CofferError('ContainerTaken', { container })
    }
    draft.expect(containerKey(account, container), undefined)
    draft.put(
      containerKey(account, container),
      containerRow.encode({ id: randomId(), createdMicros }),
    )
    draft.add(containerUsageKey(account, container), 0, 0, 0)
    draft.add(accountUsageKey(account), 1, 0, 0)
    draft.expect(bucketKey(container), holder)
    if (holder === undefined) draft.put(bucketKey(container), bucketRow.encode({ account }))
    if (accountExists !== undefined) return
    draft.expect(accountKey(account), undefined)
    draft.put(accountKey(account), accountRow.encode({ createdMicros }))
  })
}

async function describe(stores: Stores, ref: ContainerRef, value: Buffer): Promise<ContainerInfo> {
  const usage = await stores.catalog.getCounters(containerUsageKey(ref.account, ref.container))
  const [objects = 0, bytes = 0] = usage?.values ?? []
  return { ...ref, createdMicros: containerRow.decode(value).createdMicros, objects, bytes }
}

export async function headContainer(
  stores: Stores,
  caller: Caller,
  ref: ContainerRef,
): Promise<ContainerInfo> {
  authorize(caller, ref.account, 'read')
  return await describe(stores, ref, (await requireContainer(stores.catalog, ref)).value)
}

/** An account's containers in byte order of their names. */
export async function listContainers(
  stores: Stores,
  caller: Caller,
  account: string,
  input: { prefix?: string; after?: string; limit: number },
): Promise<{ entries: ContainerInfo[]; truncated: boolean }> {
  authorize(caller, account, 'read')
  if (input.limit === 0) return { entries: [], truncated: false }
  const base = containerPrefix(account)
  const prefix = base + (input.prefix ?? '')
  const from = input.after ? startBehind(base + input.after, prefix) : prefix
  const page = await stores.catalog.scan({ from, to: endOf(prefix), limit: input.limit })
  const entries: ContainerInfo[] = []
  for (const entry of page.entries) {
    if ('group' in entry) continue
    const ref = { account, container: entry.key.slice(base.length) }
    entries.push(await describe(stores, ref, entry.value))
  }
  return { entries, truncated: page.cursor !== undefined }
}

/** Deletes an empty container; its unfinished uploads go with it (cross.md). */
export async function deleteContainer(
  stores: Stores,
  caller: Caller,
  ref: ContainerRef,
): Promise<void> {
  authorize(caller, ref.account, 'write')
  const { account, container } = ref
  await commitWithRetry(stores.catalog, async (draft) => {
    const row = await requireContainer(stores.catalog, ref)
    const usage = await stores.catalog.getCounters(containerUsageKey(account, container))
    const versions = usage?.values[2] ?? 0
    if (versions !== 0) throw new CofferError('ContainerNotEmpty', { container })
    draft.expect(containerKey(account, container), row).del(containerKey(account, container))
    draft
      .expect(containerUsageKey(account, container), usage)
      .del(containerUsageKey(account, container))
    draft.add(accountUsageKey(account), -1, 0, 0)
    const holder = await stores.catalog.get(bucketKey(container))
    if (decoded(bucketRow, holder)?.account === account) {
      draft.expect(bucketKey(container), holder).del(bucketKey(container))
    }
    const { id: containerId } = containerRow.decode(row.value)
    const work = { kind: 'uploads', account, container, containerId } as const
    draft.put(queueKey(draft.id), queueRow.encode({ work }))
    draft.after.push(stores.queued)
  })
}
