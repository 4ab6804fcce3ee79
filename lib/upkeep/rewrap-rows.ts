// The rows that have an envelope: versions and unfinished uploads, each with the names that its envelope is
// bound to. `coffer rewrap` and `coffer key list` read them.
import { type Row, SCAN_LIMIT_MAX } from '../catalog/catalog.ts'
import { endOf, splitNameAndId } from '../catalog/keys.ts'
import { uploadRow, versionRow } from '../catalog/rows.ts'
import { type Envelope, KIND_ROOT, type WrapContext } from '../crypto/envelope.ts'
import type { Stores } from '../service/stores.ts'

export type Rows = Pick<Stores, 'catalog'>

/** A row with an envelope under a root key. */
export interface Wrapped {
  readonly kind: EnvelopeKind
  readonly row: Row
  readonly context: WrapContext
  readonly envelope: Envelope
  /** The row's value with another envelope. */
  with(envelope: Envelope): Buffer
}

/** Uploads come first: one that is completed meanwhile is then in both ranges of rows, and else would be in none. */
const kinds = ['upload', 'version'] as const
export type EnvelopeKind = (typeof kinds)[number]

/** Ranges of keys that hold all envelopes. */
export const envelopeRanges = kinds.map((kind) => ({
  kind,
  from: `${kind}/`,
  to: endOf(`${kind}/`),
}))

/** The envelope of a row under a root key; undefined for customer keys and delete markers. */
export function wrappedOf(kind: EnvelopeKind, row: Row): Wrapped | undefined {
  const [, account, container] = row.key.split('/', 3) as [string, string, string]
  const { name, id } = splitNameAndId(row.key.slice(`${kind}/${account}/${container}/`.length))
  const names = { account, container, object: name }
  if (kind === 'upload') {
    const upload = uploadRow.decode(row.value)
    if (upload.envelope.kind !== KIND_ROOT) return undefined
    return {
      kind,
      row,
      context: { ...names, versionId: upload.versionId },
      envelope: upload.envelope,
      with: (envelope) => uploadRow.encode({ ...upload, envelope }),
    }
  }
  const version = versionRow.decode(row.value)
  if (version.envelope?.kind !== KIND_ROOT) return undefined
  return {
    kind,
    row,
    context: { ...names, versionId: id },
    envelope: version.envelope,
    with: (envelope) => versionRow.encode({ ...version, envelope }),
  }
}

/** Pages of the rows that may have an envelope. Rejects with StoreCorrupt for a rotten row. */
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
      const wrapped = wrappedOf(kind, row)
      if (wrapped === undefined) continue
      const id = wrapped.envelope.rootKeyId
      const use = uses.get(id) ?? { versions: 0, uploads: 0 }
      use[kind === 'version' ? 'versions' : 'uploads']++
      uses.set(id, use)
    }
  }
  return uses
}
