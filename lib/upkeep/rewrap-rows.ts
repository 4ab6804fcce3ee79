// What hangs on a root key, by kind of row: one table, in which a kind of row without an entry does not compile. Rewrap
// renews what it says, and `coffer key list` counts it. See docs/format.md §5.
import { type Row, SCAN_LIMIT_MAX } from '../catalog/catalog.ts'
import { endOf, type rowKeys, splitNameAndId, splitUploadKey } from '../catalog/keys.ts'
import { uploadRow, versionRow } from '../catalog/rows.ts'
import type { Cipher } from '../crypto/cipher.ts'
import { type Envelope, KIND_ROOT, type WrapContext } from '../crypto/envelope.ts'
import type { LateCipher } from '../crypto/late.ts'
import type { Stores } from '../service/stores.ts'

export type Rows = Pick<Stores, 'catalog'>

/** Open what is under any root key of the keyring, and wrap under the active one. */
export interface RootCiphers {
  readonly cipher: Cipher
  readonly late: LateCipher
}

/** A row of which something is under a root key. */
export interface Wrapped {
  readonly kind: EnvelopeKind
  readonly row: Row
  readonly context: WrapContext
  /** Ids of the keys, each once. */
  readonly rootKeyIds: readonly string[]
  /** The row's value with all of it under the active key. Throws StoreCorrupt where something does not open. */
  renew(ciphers: RootCiphers): Buffer
}

type Hanging = Pick<Wrapped, 'context' | 'rootKeyIds' | 'renew'>
type Find = (row: Row) => Hanging | undefined

function rewrap({ cipher }: RootCiphers, context: WrapContext, envelope: Envelope): Envelope {
  const secret = cipher.unwrap(context, envelope)
  try {
    return cipher.wrap(context, secret)
  } finally {
    secret.bodyKey.fill(0)
  }
}

/** A version under a root key; one under a customer key hangs on none, and neither does a delete marker. */
const findInVersion: Find = (row) => {
  const version = versionRow.decode(row.value)
  const { envelope } = version
  if (envelope?.kind !== KIND_ROOT) return undefined
  const [, account, container] = row.key.split('/', 3) as [string, string, string]
  const rest = row.key.slice(`version/${account}/${container}/`.length)
  const { name, id } = splitNameAndId(rest)
  const context = { account, container, object: name, versionId: id }
  return {
    context,
    rootKeyIds: [envelope.rootKeyId],
    renew: (ciphers) =>
      versionRow.encode({ ...version, envelope: rewrap(ciphers, context, envelope) }),
  }
}

/** An upload, under either kind of key: what its completion needs is under a root key. */
const findInUpload: Find = (row) => {
  const upload = uploadRow.decode(row.value)
  const { envelope, late, body, versionId } = upload
  const { ref, uploadId } = splitUploadKey(row.key)
  const context = { ...ref, versionId }
  const isRoot = envelope.kind === KIND_ROOT
  const ids = isRoot ? [envelope.rootKeyId, late.rootKeyId] : [late.rootKeyId]
  return {
    context,
    rootKeyIds: [...new Set(ids)],
    renew: (ciphers) => {
      const lateContext = { ...ref, uploadId, body }
      const keys = ciphers.late.unwrap(lateContext, late)
      try {
        const renewed = isRoot ? rewrap(ciphers, context, envelope) : envelope
        const lateRenewed = ciphers.late.wrap(lateContext, keys)
        return uploadRow.encode({ ...upload, envelope: renewed, late: lateRenewed })
      } finally {
        keys.completionKey.fill(0)
        keys.checksumKey.fill(0)
      }
    },
  }
}

/** For each kind of row how what hangs on a root key is found in it; null where nothing ever does. */
const hanging = {
  upload: findInUpload,
  version: findInVersion,

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
} satisfies Record<keyof typeof rowKeys, Find | null>

type KindsWith<T> = { [K in keyof T]: T[K] extends null ? never : K }[keyof T]
export type EnvelopeKind = KindsWith<typeof hanging>

/** Ranges of keys that hold all of it. */
export const envelopeRanges = (Object.keys(hanging) as (keyof typeof hanging)[])
  .filter((kind): kind is EnvelopeKind => hanging[kind] !== null)
  .map((kind) => ({ kind, from: `${kind}/`, to: endOf(`${kind}/`) }))

/** What of a row is under a root key; undefined where nothing is. */
export function wrappedOf(kind: EnvelopeKind, row: Row): Wrapped | undefined {
  const found = hanging[kind](row)
  return found && { kind, row, ...found }
}

/** Pages of the rows that may be under a root key. Rejects with StoreCorrupt for a rotten row. */
export async function* envelopePages(
  { catalog }: Rows,
  pageRows: number,
): AsyncGenerator<{ readonly kind: EnvelopeKind; readonly rows: readonly Row[] }> {
  for (const { kind, from, to } of envelopeRanges) {
    let next: string | undefined = from
    while (next !== undefined) {
      const page = await catalog.scan({ from: next, to, limit: pageRows })
      yield { kind, rows: page.entries.filter((entry) => 'key' in entry) }
      next = page.cursor
    }
  }
}

export interface KeyUse {
  /** Numbers of versions and of unfinished uploads. */
  versions: number
  uploads: number
}

/** How many rows are under each root key. A key without any is left out. */
export async function countRootKeys(stores: Rows): Promise<Map<string, KeyUse>> {
  const uses = new Map<string, KeyUse>()
  for await (const { kind, rows } of envelopePages(stores, SCAN_LIMIT_MAX)) {
    for (const row of rows) {
      for (const id of wrappedOf(kind, row)?.rootKeyIds ?? []) {
        const use = uses.get(id) ?? { versions: 0, uploads: 0 }
        use[kind === 'version' ? 'versions' : 'uploads']++
        uses.set(id, use)
      }
    }
  }
  return uses
}
