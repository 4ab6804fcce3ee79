// The keys that Complete needs, wrapped under a root key: Complete brings no customer key. They open and seal the list of
// parts and the checksums of that upload alone, never its content, and go with the upload's row. See docs/format.md §4.
import { randomBytes } from 'node:crypto'
import { CofferError, isCode } from '../errors.ts'
import type { Keyring } from './cipher.ts'
import { type CompletionKeys, KEY_BYTES } from './keys.ts'
import { TAG_BYTES } from './records.ts'
import { COMMITMENT_BYTES, hashFields, SALT_BYTES, unwrapSecret, wrapSecret } from './wrapping.ts'

const CONTEXT_LABEL = Buffer.from('coffer/v2 late context')
const WRAP_LABEL = Buffer.from('coffer/v2 late')

/** What the wrap is bound to. */
export interface LateContext {
  readonly uploadId: string
  readonly body: string
  readonly account: string
  readonly container: string
  readonly object: string
}

/** The wrapped keys, as an upload's row has them. */
export interface Late {
  rootKeyId: string
  salt: Buffer
  commitment: Buffer
  wrapped: Buffer
}

export interface LateCipher {
  /** Wraps under the active root key. Throws Internal where it is missing. */
  wrap(context: LateContext, keys: CompletionKeys): Late
  /** Throws StoreCorrupt where the keyring lacks the key, or the row is damaged or of another upload. */
  unwrap(context: LateContext, late: Late): CompletionKeys
}

function contextOf(rootKeyId: string, context: LateContext): Buffer {
  const { uploadId, body, account, container, object } = context
  return hashFields(CONTEXT_LABEL, [rootKeyId, uploadId, body, account, container, object])
}

const corrupt = (details: { rootKeyId?: string; what: string }, cause?: unknown) =>
  new CofferError('StoreCorrupt', details, cause)

function checkForm(late: Late): void {
  const { rootKeyId, salt, commitment, wrapped } = late
  const sound =
    typeof rootKeyId === 'string' &&
    salt?.length === SALT_BYTES &&
    commitment?.length === COMMITMENT_BYTES &&
    wrapped?.length === 2 * KEY_BYTES + TAG_BYTES
  if (!sound) throw corrupt({ what: 'late keys of an upload' })
}

export function lateCipher(keyring: Keyring): LateCipher {
  return {
    wrap(context, { completionKey, checksumKey }) {
      const rootKeyId = keyring.active
      const key = keyring.key(rootKeyId)
      if (key === undefined) throw new CofferError('Internal', { what: 'active root key missing' })
      const salt = randomBytes(SALT_BYTES)
      const plain = Buffer.concat([completionKey, checksumKey])
      try {
        const bound = contextOf(rootKeyId, context)
        return { rootKeyId, salt, ...wrapSecret(key, salt, WRAP_LABEL, bound, plain) }
      } finally {
        plain.fill(0)
      }
    },
    unwrap(context, late) {
      checkForm(late)
      const { rootKeyId, salt } = late
      const key = keyring.key(rootKeyId)
      if (key === undefined) throw corrupt({ what: 'root key not in keyring', rootKeyId })
      const bound = contextOf(rootKeyId, context)
      try {
        const plain = unwrapSecret(key, salt, WRAP_LABEL, bound, late, 'late keys of an upload')
        const keys = {
          completionKey: Buffer.from(plain.subarray(0, KEY_BYTES)),
          checksumKey: Buffer.from(plain.subarray(KEY_BYTES)),
        }
        plain.fill(0)
        return keys
      } catch (error) {
        // No client sent this key. Where it is wrong, the row or the keyring is damaged.
        if (!isCode(error, 'KeyWrong')) throw error
        throw corrupt({ what: 'late keys of an upload', rootKeyId }, error)
      }
    },
  }
}
