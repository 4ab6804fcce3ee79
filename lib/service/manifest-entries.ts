// Looks at what the entries of a new manifest name: each object once, a few at a time, with the right of whoever writes the
// manifest, and each entry against what is found.
import type { Asker } from '../auth/asker.ts'
import type { Cipher } from '../crypto/cipher.ts'
import { CofferError } from '../errors.ts'
import { CONTAINER_NAME_BYTES_MAX, requireObjectNameLength } from '../names.ts'
import { spend } from '../turns.ts'
import { authorize } from './access.ts'
import { type ListedEntry, type ListedLink, MANIFEST_ENTRIES_MAX } from './manifest-list.ts'
import type { ManifestInput, ManifestProblem, WantedLink } from './manifest-types.ts'
import { needsSealing, requireSealable, sealTargets } from './seal-targets.ts'
import type { Stores } from './stores.ts'
import { bareEtag, type FoundVersion, findVersion, openVersion } from './versions.ts'

/** Objects that are looked at at once. */
const LOOKUPS_AT_ONCE = 8

/** An entry of a new manifest, with what only the manifest's key may show. */
export interface Taken {
  /** As it is shown to whoever has the key. */
  readonly entry: ListedEntry
  /** As the list has it. */
  readonly listed: ListedEntry
  /** MD5 of a link's target; null where it is not known. */
  readonly md5: Buffer | null
  /** Of own bytes alone. */
  readonly data?: { readonly data: Buffer }
}

/** An object as a link finds it, or what keeps it from being linked. */
type Target = { readonly found: FoundVersion; readonly md5: Buffer | null } | CofferError

/** Looks at all entries. Under a customer's key it seals what is under the root key, once no entry has a problem. Problems
 * come in the order of the entries. Throws what is no refusal of one object. */
export async function takeEntries(
  stores: Stores,
  asker: Asker,
  account: string,
  { entries, cipher }: Pick<ManifestInput, 'entries' | 'cipher'>,
): Promise<{ taken: Taken[]; problems: ManifestProblem[] }> {
  if (entries.length > MANIFEST_ENTRIES_MAX) {
    throw new CofferError('Internal', { what: 'a manifest of too many entries' })
  }
  const found = await findTargets(stores, asker, account, entries, cipher)
  const judged = judgeAll(entries, found)
  const unsealed = [...found.values()].flatMap((target) =>
    'found' in target && needsSealing(target.found, cipher) ? [target.found] : [],
  )
  if (unsealed.length === 0 || judged.problems.length > 0) return judged
  await sealTargets(stores, asker, unsealed, cipher)
  return judgeAll(entries, await findTargets(stores, asker, account, entries, cipher))
}

/** Compares each entry with what it names. */
function judgeAll(entries: ManifestInput['entries'], targets: ReadonlyMap<string, Target>) {
  const taken: Taken[] = []
  const problems: ManifestProblem[] = []
  for (const [index, wanted] of entries.entries()) {
    if ('data' in wanted) {
      const entry = { ownBytes: wanted.data.length }
      taken.push({ entry, listed: entry, md5: null, data: { data: wanted.data } })
      continue
    }
    const target = targets.get(nameOf(wanted))!
    if (target instanceof CofferError) {
      problems.push({ index, why: target })
      continue
    }
    const { link, faults } = judge(wanted, target, index === entries.length - 1)
    for (const why of faults) problems.push({ index, why })
    if (link !== undefined) taken.push(link)
  }
  return { taken, problems }
}

const nameOf = ({ container, object }: WantedLink) => `${container}/${object}`

async function findTargets(
  stores: Stores,
  asker: Asker,
  account: string,
  entries: ManifestInput['entries'],
  cipher: Cipher,
): Promise<Map<string, Target>> {
  const targets = new Map<string, Target>()
  const left = new Map(
    entries.flatMap((entry) => ('data' in entry ? [] : [[nameOf(entry), entry] as const])),
  ).entries()
  // The workers share one iterator, so that each object is taken by one of them.
  const work = async () => {
    for (const [name, { container, object }] of left) {
      targets.set(name, await findTarget(stores, asker, { account, container, object }, cipher))
      const turn = spend(1)
      if (turn !== undefined) await turn
    }
  }
  await Promise.all(Array.from({ length: LOOKUPS_AT_ONCE }, work))
  return targets
}

/** Codes that refuse one object, and say nothing of the store. */
const refusals: ReadonlySet<string> = new Set([
  'AccessDenied',
  'ContainerMissing',
  'ObjectMissing',
  'ObjectNameTooLong',
  'KeyRequired',
  'KeyWrong',
  'KeyNotApplicable',
])

async function findTarget(
  stores: Stores,
  asker: Asker,
  ref: { account: string; container: string; object: string },
  cipher: Cipher,
): Promise<Target> {
  try {
    await authorize(stores, asker, 'headObject', ref)
    requireObjectNameLength(ref.object)
    if (Buffer.byteLength(ref.container) > CONTAINER_NAME_BYTES_MAX) {
      throw new CofferError('ContainerMissing')
    }
    const found = await findVersion(stores, asker, ref, undefined)
    const isUnsealed = needsSealing(found, cipher)
    if (isUnsealed) await requireSealable(stores, asker, found)
    const { bodyKey, md5 } = openVersion(found, isUnsealed ? stores.rootCipher : cipher)
    bodyKey.fill(0)
    return { found, md5 }
  } catch (error) {
    if (error instanceof CofferError && refusals.has(error.code)) return error
    throw error
  }
}

/** Compares an entry with what is there. `isLast`: the last entry may be of no bytes. */
function judge(
  wanted: WantedLink,
  { found: { row }, md5 }: { readonly found: FoundVersion; readonly md5: Buffer | null },
  isLast: boolean,
): { link?: Taken; faults: ManifestProblem['why'][] } {
  const { container, object } = wanted
  const { size, timeMicros, headers, manifest } = row
  const faults: ManifestProblem['why'][] = []
  const etag = md5?.toString('hex') ?? row.etag
  const asked = wanted.range === null ? { offset: 0, length: size } : wanted.range(size)
  if (asked === undefined) faults.push('range')
  else if (asked.length < 1 && !isLast) faults.push('empty')
  if (wanted.size !== null && wanted.size !== size) faults.push('size')
  if (wanted.etag !== null && wanted.etag !== etag) faults.push('etag')
  if (faults.length > 0 || asked === undefined) return { faults }
  const entry: ListedLink = {
    container,
    object,
    size,
    etag,
    timeMicros,
    type: headers.type ?? '',
    isManifest: manifest !== undefined,
    range: asked.length === size ? null : asked,
  }
  const shownEtag = manifest === undefined ? row.etag : bareEtag(row.etag)
  return { link: { entry, listed: { ...entry, etag: shownEtag }, md5 }, faults }
}
