// Secrets under a root key, beside the envelopes of bodies: written from docs/format.md §4, and nothing of lib/ is used.
import { createHash, hkdfSync } from 'node:crypto'
import { be, gcm, seeded } from './make.ts'

const field = (bytes: Buffer) => Buffer.concat([be(bytes.length, 4), bytes])

/** The labels of one kind of wrap, and the label that seeds the salt. */
export interface WrapLabels {
  readonly context: string
  readonly wrap: string
  readonly salt: string
}

export function wrapUnderRoot(
  labels: WrapLabels,
  rootKeyId: string,
  rootKey: Buffer,
  names: readonly string[],
  secret: Buffer,
) {
  const salt = seeded(labels.salt, 32)
  const fields = [rootKeyId, ...names].map((name) => field(Buffer.from(name)))
  const context = createHash('sha256')
    .update(Buffer.concat([Buffer.from(labels.context), ...fields]))
    .digest()
  const info = Buffer.concat([Buffer.from(labels.wrap), context])
  const okm = Buffer.from(hkdfSync('sha256', rootKey, salt, info, 64))
  return {
    rootKeyId,
    salt,
    commitment: okm.subarray(32),
    wrapped: gcm(okm.subarray(0, 32), Buffer.alloc(12), secret),
  }
}
