// Rows with a MAC, as lib/upkeep/hanging-rows.ts has them: a MAC hangs on the root key under which it was made.
import type { Row } from '../catalog/catalog.ts'
import type { SignedCodec } from '../catalog/codec.ts'
import type { RowMacs } from '../crypto/row-mac.ts'
import { CofferError } from '../errors.ts'

/** A row of which nothing but the MAC is under a root key. `word`: what people call it. */
export function readSigned<T>(word: string, codec: SignedCodec<T>) {
  return (row: Row) => ({
    rootKeyIds: [codec.rootKeyIdOf(row.value)],
    title: `${word} ${row.key.slice(row.key.indexOf('/') + 1)}`,
    renew: ({ macs }: { readonly macs: RowMacs }) =>
      codec.encode(row.key, requireProven(codec, row, macs), macs),
  })
}

/** What a row says whose MAC holds. Throws StoreCorrupt. */
export function requireProven<T>(codec: SignedCodec<T>, stored: Row, macs: RowMacs): T {
  const { row, holds } = codec.read(stored, macs)
  if (holds) return row
  const what = macs.has(codec.rootKeyIdOf(stored.value))
    ? 'its MAC does not hold'
    : 'root key not in keyring'
  throw new CofferError('StoreCorrupt', { what })
}
