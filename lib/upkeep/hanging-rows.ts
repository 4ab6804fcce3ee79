// The rows that hang on a root key: what they hold under it, and how that comes under another key. `coffer rewrap`,
// `coffer key list`, reload, start and restore all read this table (D-HANGING).
import { type Row, SCAN_LIMIT_MAX } from '../catalog/catalog.ts'
import { ec2CredentialPrefix, type identityKeys } from '../catalog/identity-keys.ts'
import { endOf, type rowKeys, splitNameAndId, splitUploadKey } from '../catalog/keys.ts'
import { uploadRow, versionRow } from '../catalog/rows.ts'
import type { Cipher } from '../crypto/cipher.ts'
import { type Envelope, KIND_ROOT, type WrapContext } from '../crypto/envelope.ts'
import type { LateCipher } from '../crypto/late.ts'
import type { SecretCipher } from '../crypto/sealed-secret.ts'
import type { Stores } from '../service/stores.ts'
import { readEc2Credential, readPayload } from './hanging-secrets.ts'

export type Rows = Pick<Stores, 'catalog'>

/** Open what is under any root key of the keyring, and wrap under the active one. */
export interface RootCiphers {
  readonly cipher: Cipher
  readonly late: LateCipher
  readonly secret: SecretCipher
}

/** A row of which something lies under a root key. */
export interface Hanging {
  readonly kind: HangingKind
  readonly row: Row
  /** Ids of the root keys that the row needs, each once. */
  readonly rootKeyIds: readonly string[]
  /** Kind and name of the row, for people. */
  readonly title: string
  /** The row's value with all of it under the active key. Throws StoreCorrupt where it cannot be opened. */
  renew(ciphers: RootCiphers): Buffer
}

/** Reads a row of one kind. Undefined where the row needs no root key. Throws StoreCorrupt. */
type ReadRow = (row: Row) => Omit<Hanging, 'kind' | 'row'> | undefined

/**
 * Every kind of row: null, or how it hangs on a root key. Uploads stand before versions. Complete moves an envelope
 * from an upload to a version, never back, so that whoever reads in this order misses none.
 */
const table = {
  upload: readUpload,
  version: readVersion,
  account: null,
  accountUsage: null,
  container: null,
  containerUsage: null,
  setting: null,
  bucket: null,
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
  ec2Credential: readEc2Credential,
  secretPayload: readPayload,
  project: null,
  user: null,
  appCredential: null,
  secret: null,
  revocation: null,
  identityChanges: null,
  secretOrder: null,
  secretContainer: null,
  secretHome: null,
  secretUsage: null,
} satisfies Record<keyof typeof rowKeys | keyof typeof identityKeys, ReadRow | null>

type Table = typeof table
export type HangingKind = { [K in keyof Table]: Table[K] extends null ? never : K }[keyof Table]

const readers = Object.entries(table).filter(([, read]) => read !== null) as [
  HangingKind,
  ReadRow,
][]

/** How keys of a kind begin, and what people call it, where that is not the kind itself. */
const spelled: Partial<Record<HangingKind, { readonly start: string; readonly word: string }>> = {
  ec2Credential: { start: ec2CredentialPrefix, word: 'EC2 credential' },
  secretPayload: { start: 'secret-payload/', word: 'secret' },
}
const startOf = (kind: HangingKind) => spelled[kind]?.start ?? `${kind}/`
const wordOf = (kind: HangingKind) => spelled[kind]?.word ?? kind

/** Ranges of keys that hold all rows of the table that hang on root keys, in its order. */
export const hangingRanges = readers.map(([kind]) => ({
  kind,
  from: startOf(kind),
  to: endOf(startOf(kind)),
}))

/** An upload under either kind of key: what its completion needs is under a root key. */
function readUpload(row: Row): ReturnType<ReadRow> {
  const upload = uploadRow.decode(row.value)
  const { envelope, late, body, versionId } = upload
  const { ref, uploadId } = splitUploadKey(row.key)
  const isRoot = envelope.kind === KIND_ROOT
  const ids = isRoot ? [envelope.rootKeyId, late.rootKeyId] : [late.rootKeyId]
  return {
    rootKeyIds: [...new Set(ids)],
    title: titleOf('upload', uploadId, ref),
    renew: (ciphers) => {
      const context = { ...ref, uploadId, body }
      const keys = ciphers.late.unwrap(context, late)
      try {
        return uploadRow.encode({
          ...upload,
          envelope: isRoot ? wrapAnew(ciphers, { ...ref, versionId }, envelope) : envelope,
          late: ciphers.late.wrap(context, keys),
        })
      } finally {
        keys.completionKey.fill(0)
        keys.checksumKey.fill(0)
      }
    },
  }
}

/** A version under a root key. One under a customer key hangs on none, and neither does a delete marker. */
function readVersion(row: Row): ReturnType<ReadRow> {
  const version = versionRow.decode(row.value)
  const { envelope } = version
  if (envelope?.kind !== KIND_ROOT) return undefined
  const [, account, container] = row.key.split('/', 3) as [string, string, string]
  const { name, id } = splitNameAndId(row.key.slice(`version/${account}/${container}/`.length))
  const ref = { account, container, object: name }
  return {
    rootKeyIds: [envelope.rootKeyId],
    title: titleOf('version', id, ref),
    renew: (ciphers) =>
      versionRow.encode({
        ...version,
        envelope: wrapAnew(ciphers, { ...ref, versionId: id }, envelope),
      }),
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
  const read = entry?.[1](row)
  return read === undefined ? undefined : { kind: entry![0], row, ...read }
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

/** Numbers of rows that hang on one root key: `versions`, `uploads`, `ec2Credentials`, `secretPayloads`. */
export type KeyUse = Record<`${HangingKind}s`, number>

export const noUse = () =>
  Object.fromEntries(readers.map(([kind]) => [`${kind}s`, 0])) as unknown as KeyUse

/** Kinds in the order in which people read of them. */
const shownKinds: readonly HangingKind[] = ['version', 'upload', 'ec2Credential', 'secretPayload']

/** The rows under a root key: `2 versions`, `0 uploads`, then the other kinds that there are. */
export const columnsOf = (use: KeyUse) =>
  shownKinds
    .filter((kind) => kind === 'version' || kind === 'upload' || use[`${kind}s`] > 0)
    .map((kind) => `${use[`${kind}s`]} ${wordOf(kind)}s`)

/** The rows under a root key in words: `2 versions and 1 upload`. */
export function sayUse(use: KeyUse): string {
  return shownKinds
    .map((kind) => ({ kind, rows: use[`${kind}s`] }))
    .filter(({ rows }) => rows > 0)
    .map(({ kind, rows }) => `${rows.toLocaleString('en')} ${wordOf(kind)}${rows === 1 ? '' : 's'}`)
    .join(' and ')
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
