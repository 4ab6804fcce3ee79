// Objects of a container in byte order of their names, folded by a delimiter where one is given.
import type { Caller } from '../auth/identity.ts'
import {
  compareKeys,
  endOf,
  isFolded,
  objectPrefix,
  startBehind,
  successorOf,
} from '../catalog/keys.ts'
import { objectRow } from '../catalog/rows.ts'
import { authorize } from './access.ts'
import type { Stores } from './stores.ts'
import type { ContainerRef, ListedObject, ListInput, Listing } from './types.ts'
import { requireContainer } from './versions.ts'

/** One page of a listing: objects that a plain GET shows, and common prefixes. Throws ContainerMissing. */
export async function listObjects(
  stores: Stores,
  caller: Caller,
  ref: ContainerRef,
  input: ListInput,
): Promise<Listing> {
  authorize(caller, ref.account, 'read')
  await requireContainer(stores.catalog, ref)
  if (input.limit === 0) return { entries: [], truncated: false }
  const base = objectPrefix(ref.account, ref.container)
  const { delimiter } = input
  const prefix = base + (input.prefix ?? '')
  const to = endOf(prefix)
  const from = startOf(base, prefix, input)
  if (from === undefined || compareKeys(from, to) >= 0) return { entries: [], truncated: false }
  const group = delimiter ? { prefix, delimiter } : undefined
  const page = await stores.catalog.scan({ from, to, limit: input.limit, group })
  const entries = page.entries.map((entry) =>
    'group' in entry
      ? entry.group.slice(base.length)
      : describeEntry(entry.key.slice(base.length), entry.value),
  )
  if (page.cursor === undefined) return { entries, truncated: false }
  const last = entries.at(-1)!
  return { entries, truncated: true, next: typeof last === 'string' ? last : last.object }
}

function describeEntry(object: string, value: Buffer): ListedObject {
  const { timeMicros, size, etag, type, checksum } = objectRow.decode(value).summary!
  return {
    object,
    timeMicros,
    size,
    etag,
    type,
    checksum: checksum === null ? null : { algorithm: checksum[0], type: checksum[1] },
  }
}

/** Key of the first row to look at: behind `after`, and behind all of a common prefix that it names. */
function startOf(base: string, prefix: string, input: ListInput): string | undefined {
  const { after, delimiter } = input
  if (after === undefined || after === '') return prefix
  const key = base + after
  return isFolded(key, prefix, delimiter) ? successorOf(key) : startBehind(key, prefix)
}
