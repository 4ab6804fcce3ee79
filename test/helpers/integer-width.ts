// Rewrites the numbers in rows in another form that docs/format.md §5 allows, as the encoder of another program
// might choose. The meaning of the rows does not change.
import { createHash } from 'node:crypto'
import { frameRow, isCounters, openRow } from '../../lib/catalog/framing.ts'
import { META_KEY, openMeta } from '../../lib/catalog/meta.ts'
import { openKeyring } from '../../lib/crypto/keyring.ts'
import { rowMacs } from '../../lib/crypto/row-mac.ts'
import { classicEngine } from '../../lib/leveldb/engine.ts'

export type IntegerForm = 'int64' | 'float64'

function widened(value: bigint, form: IntegerForm): Buffer {
  const bytes = Buffer.alloc(9)
  if (form === 'float64') {
    bytes[0] = 0xfb
    bytes.writeDoubleBE(Number(value), 1)
  } else if (value < 0n) {
    bytes[0] = 0x3b
    bytes.writeBigUInt64BE(-1n - value, 1)
  } else {
    bytes[0] = 0x1b
    bytes.writeBigUInt64BE(value, 1)
  }
  return bytes
}

/** The same CBOR item (RFC 8949 §3, definite lengths) with every number in `form`. All numbers are integers. */
export function withIntegersAs(form: IntegerForm, item: Buffer): Buffer {
  const out: Buffer[] = []
  let at = 0
  const copyItem = (): void => {
    const begin = at
    const initial = item[at++]!
    const [major, info] = [initial >> 5, initial & 31]
    const bytes = info < 24 ? 0 : 2 ** (info - 24)
    const argument =
      bytes === 0 ? BigInt(info) : BigInt(`0x${item.toString('hex', at, at + bytes)}`)
    if (major === 7 && info === 27) out.push(widened(BigInt(item.readDoubleBE(at)), form))
    at += bytes
    if (major === 7 && info === 27) return
    if (major === 7 && bytes > 1) throw new Error('a number of a form that coffer does not write')
    if (major < 2) {
      out.push(widened(major === 0 ? argument : -1n - argument, form))
      return
    }
    if (major === 2 || major === 3) at += Number(argument)
    out.push(item.subarray(begin, at))
    const children = major === 4 ? Number(argument) : major === 5 ? 2 * Number(argument) : 0
    for (let i = 0; i < children; i++) copyItem()
  }
  copyItem()
  if (at !== item.length) throw new Error('bytes behind the item')
  return Buffer.concat(out)
}

/** Kinds of rows that end with a MAC. */
const signed = ['account', 'bucket', 'container', 'upload', 'version']
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest()

/** Rewrites every CBOR row of a closed catalog, as a program with the keyring does: digests of settings and MACs are those of
 * the new bytes. Returns the number of rows of each kind. */
export async function rewriteIntegers(
  location: string,
  keyringFile: string,
  form: IntegerForm,
): Promise<Map<string, number>> {
  const sizes = { writeBufferBytes: 4 << 20, maxFileBytes: 8 << 20, cacheBytes: 1 << 20 }
  const options = { keyEncoding: 'utf8', ...sizes, create: false } as const
  const db = await classicEngine.open(location, options)
  const kinds = new Map<string, number>()
  const rows: [string, Buffer][] = []
  for await (const [key, framed] of db.iterator({})) rows.push([key, framed])
  const { catalogId } = openMeta(db.getSync(META_KEY)!)
  const macs = rowMacs(openKeyring(keyringFile, { create: false }), catalogId)
  const settings = rows
    .filter(([key]) => key.startsWith('setting/'))
    .map(([key, framed]) => openRow(key, framed).value)
  for (const [key, framed] of rows) {
    const kind = key.split('/', 1)[0]!
    if (kind === 'blob' || isCounters(framed)) continue
    const { value, revision } = openRow(key, framed)
    const other = withIntegersAs(form, value)
    for (const setting of kind === 'container' ? settings : []) {
      const at = other.indexOf(sha256(setting))
      if (at !== -1) sha256(withIntegersAs(form, setting)).copy(other, at)
    }
    const payload = signed.includes(kind) ? macs.sign(key, other) : other
    await db.put(key, frameRow(key, revision, payload))
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
  }
  await db.close()
  return kinds
}
