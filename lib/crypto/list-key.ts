// The key that seals the list of a manifest. Whoever has the body's key derives it. It lies under a root key besides, so
// that a manifest is deleted and shown without the customer's key; the SHA-256 of the list, which only the body's key
// opens, proves the list to whoever reads the content. See docs/format.md §4.
import type { Keyring } from './cipher.ts'
import { KEY_BYTES } from './keys.ts'
import { type RootWrapForm, type RootWrapped, unwrapUnderRoot, wrapUnderRoot } from './root-wrap.ts'

const form: RootWrapForm = {
  contextLabel: Buffer.from('coffer/v2 list context'),
  wrapLabel: Buffer.from('coffer/v2 list key'),
  secretBytes: KEY_BYTES,
  what: 'list key of a manifest',
}

/** What the wrap is bound to. */
export interface ListContext {
  readonly versionId: string
  readonly body: string
  readonly account: string
  readonly container: string
  readonly object: string
}

export interface ListCipher {
  /** Wraps under the active root key. Throws Internal where it is missing. */
  wrap(context: ListContext, listKey: Buffer): RootWrapped
  /** Throws StoreCorrupt where the keyring lacks the key, or the row is damaged or of another version. */
  unwrap(context: ListContext, stored: RootWrapped): Buffer
}

const namesOf = ({ versionId, body, account, container, object }: ListContext) => [
  versionId,
  body,
  account,
  container,
  object,
]

export function listCipher(keyring: Keyring): ListCipher {
  return {
    wrap: (context, listKey) => wrapUnderRoot(keyring, form, namesOf(context), listKey),
    unwrap: (context, stored) => unwrapUnderRoot(keyring, form, namesOf(context), stored),
  }
}
