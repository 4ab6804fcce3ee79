// The keys that Complete needs, wrapped under a root key: Complete brings no customer key. They open and seal the list of
// parts and the checksums of that upload alone, never its content, and go with the upload's row. See docs/format.md §4.
import type { Keyring } from './cipher.ts'
import { type CompletionKeys, KEY_BYTES } from './keys.ts'
import { type RootWrapForm, type RootWrapped, unwrapUnderRoot, wrapUnderRoot } from './root-wrap.ts'

const form: RootWrapForm = {
  contextLabel: Buffer.from('coffer/v2 late context'),
  wrapLabel: Buffer.from('coffer/v2 late'),
  secretBytes: 2 * KEY_BYTES,
  what: 'late keys of an upload',
}

/** What the wrap is bound to. */
export interface LateContext {
  readonly uploadId: string
  readonly body: string
  readonly account: string
  readonly container: string
  readonly object: string
}

/** The wrapped keys, as an upload's row has them. */
export type Late = RootWrapped

export interface LateCipher {
  /** Wraps under the active root key. Throws Internal where it is missing. */
  wrap(context: LateContext, keys: CompletionKeys): Late
  /** Throws StoreCorrupt where the keyring lacks the key, or the row is damaged or of another upload. */
  unwrap(context: LateContext, late: Late): CompletionKeys
}

const namesOf = ({ uploadId, body, account, container, object }: LateContext) => [
  uploadId,
  body,
  account,
  container,
  object,
]

export function lateCipher(keyring: Keyring): LateCipher {
  return {
    wrap(context, { completionKey, checksumKey }) {
      const plain = Buffer.concat([completionKey, checksumKey])
      try {
        return wrapUnderRoot(keyring, form, namesOf(context), plain)
      } finally {
        plain.fill(0)
      }
    },
    unwrap(context, late) {
      const plain = unwrapUnderRoot(keyring, form, namesOf(context), late)
      const keys = {
        completionKey: Buffer.from(plain.subarray(0, KEY_BYTES)),
        checksumKey: Buffer.from(plain.subarray(KEY_BYTES)),
      }
      plain.fill(0)
      return keys
    },
  }
}
