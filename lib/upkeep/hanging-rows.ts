// The rows that hang on a root key: what of them is under it, and how that comes under another key. `coffer rewrap`,
// `coffer key list`, reload, start and restore all read this table (D-HANGING).
import { type Row, SCAN_LIMIT_MAX } from '../catalog/catalog.ts'
import { type identityKeys, identityPrefixes } from '../catalog/identity-keys.ts'
import { endOf, type rowKeys, splitNameAndId, splitUploadKey } from '../catalog/keys.ts'
import {
  accountRow,
  bucketRow,
  containerRow,
  type ManifestRow,
  uploadRow,
  versionRow,
} from '../catalog/rows.ts'
import type { Cipher } from '../crypto/cipher.ts'
import { type Envelope, KIND_ROOT, type WrapContext } from '../crypto/envelope.ts'
import { zeroCompletionKeys } from '../crypto/keys.ts'
import type { LateCipher } from '../crypto/late.ts'
import type { ListCipher, ListContext } from '../crypto/list-key.ts'
import type { RowMacs } from '../crypto/row-mac.ts'
import type { SecretCipher } from '../crypto/sealed-secret.ts'
import type { Stores } from '../service/stores.ts'
import { identityTable, identityWords } from './hanging-secrets.ts'
import { readSigned, requireProven } from './signed-rows.ts'

export type Rows = Pick<Stores, 'catalog'>

/** Open and check what is under any root key of the keyring, and wrap and sign under the active one. */
export interface RootCiphers {
  readonly cipher: Cipher
  readonly late: LateCipher
  readonly lists: ListCipher
  readonly secret: SecretCipher
  readonly macs: RowMacs
}

/** A row of which something lies under a root key. */
export interface Hanging {
  readonly kind: HangingKind
  readonly row: Row
  /** Ids of the root keys that the row needs, each once. */
  readonly rootKeyIds: readonly string[]
  /** Kind and name of the row, for people. */
  readonly title: string
  /** The row's value with all of it under the active key, its MAC last. Throws StoreCorrupt where something cannot be
   * opened, or the MAC does not hold: it would make somebody's edit right. */
  renew(ciphers: RootCiphers): Buffer
}

/** Reads a row of one kind. Throws StoreCorrupt. */
type ReadRow = (row: Row) => Omit<Hanging, 'kind' | 'row'>

/**
 * Every kind of row: null, or how it hangs on a root key. Uploads stand before versions. Complete moves an envelope
 * from an upload to a version, never back, so that whoever reads in this order misses none.
 */
const table = {
  account: readSigned('account', accountRow),
  bucket: readSigned('bucket', bucketRow),
  container: readSigned('container', containerRow),
  upload: readUpload,
  version: readVersion,
  accountUsage: null,
  containerUsage: null,
  setting: null,
  object: null,
  hidden: null,
  uploadParts: null,
  logout: null,
  expiry: null,
  body: null,
  layout: null,
  segment: null,
  blob: null,
  volumeUsage: null,
  volume: null,
  queue: null,
  ...identityTable,
} satisfies Record<keyof typeof rowKeys | keyof typeof identityKeys, ReadRow | null>

type Table = typeof table
export type HangingKind = { [K in keyof Table]: Table[K] extends null ? never : K }[keyof Table]

const readers = Object.entries(table).filter(([, read]) => read !== null) as [
  HangingKind,
  ReadRow,
][]

/** How keys of a kind begin. */
const startOf = (kind: HangingKind) =>
  (identityPrefixes as Partial<Record<HangingKind, string>>)[kind] ?? `${kind}/`
/** What people call a kind. */
const wordOf = (kind: HangingKind) =>
  (identityWords as Partial<Record<HangingKind, string>>)[kind] ?? kind

/** Ranges of keys that hold all rows of the table that hang on root keys, in its order. */
export const hangingRanges = readers.map(([kind]) => ({
  kind,
  from: startOf(kind),
  to: endOf(startOf(kind)),
}))

/** An upload under either kind of key: what its completion needs is under a root key. */
function readUpload(row: Row): ReturnType<ReadRow> {
  const { envelope, late, body, versionId } = uploadRow.decodeUnproven(row.value)
  const { ref, uploadId } = splitUploadKey(row.key)
  const isRoot = envelope.kind === KIND_ROOT
  const ids = [uploadRow.rootKeyIdOf(row.value), late.rootKeyId]
  if (isRoot) ids.push(envelope.rootKeyId)
  return {
    rootKeyIds: [...new Set(ids)],
    title: titleOf('upload', uploadId, ref),
    renew: (ciphers) => {
      const upload = requireProven(uploadRow, row, ciphers.macs)
      const context = { ...ref, uploadId, body }
      const keys = ciphers.late.unwrap(context, late)
      try {
        const renewed = {
          ...upload,
          envelope: isRoot ? wrapAnew(ciphers, { ...ref, versionId }, envelope) : envelope,
          late: ciphers.late.wrap(context, keys),
        }
        return uploadRow.encode(row.key, renewed, ciphers.macs)
      } finally {
        zeroCompletionKeys(keys)
      }
    },
  }
}

/** A version. Of one under a customer key, and of a delete marker, the MAC alone is under a root key, and the key of a
 * manifest's list. */
function readVersion(row: Row): ReturnType<ReadRow> {
  const { body, envelope, manifest } = versionRow.decodeUnproven(row.value)
  const isRoot = envelope?.kind === KIND_ROOT
  const ids = [versionRow.rootKeyIdOf(row.value)]
  if (isRoot) ids.push(envelope.rootKeyId)
  if (manifest !== undefined) ids.push(manifest.listKey.rootKeyId)
  const [, account, container] = row.key.split('/', 3) as [string, string, string]
  const { name, id } = splitNameAndId(row.key.slice(`version/${account}/${container}/`.length))
  const ref = { account, container, object: name }
  return {
    rootKeyIds: [...new Set(ids)],
    title: titleOf('version', id, ref),
    renew: (ciphers) => {
      const version = requireProven(versionRow, row, ciphers.macs)
      const context = { ...ref, versionId: id }
      const renewed = {
        ...version,
        envelope: isRoot ? wrapAnew(ciphers, context, envelope) : version.envelope,
        ...(manifest && { manifest: renewList(ciphers, { ...context, body: body! }, manifest) }),
      }
      return versionRow.encode(row.key, renewed, ciphers.macs)
    },
  }
}

function renewList({ lists }: RootCiphers, context: ListContext, manifest: ManifestRow) {
  const key = lists.unwrap(context, manifest.listKey)
  try {
    return { ...manifest, listKey: lists.wrap(context, key) }
  } finally {
    key.fill(0)
  }
}

type Names = Omit<WrapContext, 'versionId'>

const titleOf = (kind: HangingKind, id: string, { account, container, object }: Names) =>
  `${kind} ${id} of ${account}/${container}/${object}`

function wrapAnew({ cipher }: RootCiphers, context: WrapContext, envelope: Envelope): Envelope {
  const secret = cipher.unwrap(context, envelope)
  try {
    return cipher.wrap(context, secret)
  } finally {
    secret.bodyKey.fill(0)
  }
}

/** True for the key of a row of a kind that may hang on a root key. */
export const mayHang = (key: string) => readers.some(([kind]) => key.startsWith(startOf(kind)))

/** What of the row hangs on root keys; undefined where nothing does, as for a row of any other kind. */
export function hangingOf(row: Row): Hanging | undefined {
  const entry = readers.find(([kind]) => row.key.startsWith(startOf(kind)))
  return entry && { kind: entry[0], row, ...entry[1](row) }
}

/** Pages of the rows that may hang on a root key. Rejects with StoreCorrupt for a rotten row. */
export async function* hangingPages(
  { catalog }: Rows,
  pageRows: number,
): AsyncGenerator<{ readonly kind: HangingKind; readonly rows: readonly Row[] }> {
  for (const { kind, from, to } of hangingRanges) {
    let next: string | undefined = from
    while (next !== undefined) {
      const page = await catalog.scan({ from: next, to, limit: pageRows })
      yield { kind, rows: page.entries.filter((entry) => 'key' in entry) }
      next = page.cursor
    }
  }
}

/** Numbers of rows that hang on one root key: `versions`, `uploads`, `containers`, `ec2Credentials` … */
export type KeyUse = Record<`${HangingKind}s`, number>

export const noUse = () =>
  Object.fromEntries(readers.map(([kind]) => [`${kind}s`, 0])) as unknown as KeyUse

/** Kinds in the order in which people read of them. */
const shownKinds = [
  ...readers.flatMap(([kind]) => (kind in identityTable ? [] : kind)).toReversed(),
  ...readers.flatMap(([kind]) => (kind in identityTable ? kind : [])),
]

/** The rows under a root key: `2 versions`, `0 uploads` … Of users and what they keep, kinds of which there are any. */
export const columnsOf = (use: KeyUse) =>
  shownKinds
    .filter((kind) => !(kind in identityTable) || use[`${kind}s`] > 0)
    .map((kind) => `${use[`${kind}s`]} ${wordOf(kind)}s`)

/** The rows under a root key in words: `2 versions, 1 upload and 1 account`. Empty where there are none. */
export function sayUse(use: KeyUse): string {
  const counted = shownKinds
    .map((kind) => ({ kind, rows: use[`${kind}s`] }))
    .filter(({ rows }) => rows > 0)
    .map(({ kind, rows }) => `${rows.toLocaleString('en')} ${wordOf(kind)}${rows === 1 ? '' : 's'}`)
  const last = counted.pop() ?? ''
  return counted.length === 0 ? last : `${counted.join(', ')} and ${last}`
}

export const isUnused = (use: KeyUse) => shownKinds.every((kind) => use[`${kind}s`] === 0)

/** Counts the row under each root key that it hangs on. */
export function countHanging(uses: Map<string, KeyUse>, row: Row): void {
  const hanging = hangingOf(row)
  if (hanging === undefined) return
  for (const id of hanging.rootKeyIds) {
    const use = uses.get(id) ?? noUse()
    use[`${hanging.kind}s`]++
    uses.set(id, use)
  }
}

/** How many rows hang on each root key. A key without any is left out. */
export async function countRootKeys(stores: Rows): Promise<Map<string, KeyUse>> {
  const uses = new Map<string, KeyUse>()
  for await (const { rows } of hangingPages(stores, SCAN_LIMIT_MAX)) {
    for (const row of rows) countHanging(uses, row)
  }
  return uses
}
