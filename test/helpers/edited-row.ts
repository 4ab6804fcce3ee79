// A row as somebody edits it who has the disks and none of the keys: its MAC is what it was.
import type { Catalog, Commit } from '../../lib/catalog/catalog.ts'
import type { SignedCodec } from '../../lib/catalog/codec.ts'
import { MAC_BYTES } from '../../lib/crypto/row-mac.ts'
import { foreignMacs } from './macs.ts'

export type Put = NonNullable<Commit['put']>[number]

/** The row under `key` with a change, as another `put` of a commit has it. */
export async function edited<T extends object>(
  catalog: Catalog,
  key: string,
  codec: SignedCodec<T>,
  change: (row: T) => Partial<T>,
): Promise<Put> {
  const { value } = (await catalog.get(key))!
  const row = codec.decodeUnproven(value)
  const forged = codec.encode(key, { ...row, ...change(row) }, foreignMacs)
  value.copy(forged, forged.length - MAC_BYTES, value.length - MAC_BYTES)
  return { key, value: forged }
}
