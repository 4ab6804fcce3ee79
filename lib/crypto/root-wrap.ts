// Secrets under a root key, apart from the envelopes of bodies: the keys that Complete needs, keys of manifests' lists, EC2
// secrets, and what the key manager keeps. Each kind has labels of its own, so that no wrap opens in another's place. See docs/format.md §4.
import { randomBytes } from 'node:crypto'
import { CofferError, isCode } from '../errors.ts'
import type { Keyring } from './cipher.ts'
import { TAG_BYTES } from './records.ts'
import { COMMITMENT_BYTES, hashFields, SALT_BYTES, unwrapSecret, wrapSecret } from './wrapping.ts'

/** A secret under a root key, as a row has it. */
export interface RootWrapped {
  rootKeyId: string
  salt: Buffer
  commitment: Buffer
  /** Ciphertext ‖ tag. */
  wrapped: Buffer
}

/** One kind of such wraps. */
export interface RootWrapForm {
  readonly contextLabel: Buffer
  readonly wrapLabel: Buffer
  /** Length of the secret; absent where secrets of this kind have any. */
  readonly secretBytes?: number
  /** What the secret is called in errors. */
  readonly what: string
}

/** Wraps `plain`, which stays the caller's, under the active root key. `names` are what it is bound to. Throws Internal
 * where the active key is missing. */
export function wrapUnderRoot(
  keyring: Keyring,
  form: RootWrapForm,
  names: readonly string[],
  plain: Buffer,
): RootWrapped {
  const rootKeyId = keyring.active
  const key = keyring.key(rootKeyId)
  if (key === undefined) throw new CofferError('Internal', { what: 'active root key missing' })
  const salt = randomBytes(SALT_BYTES)
  const bound = hashFields(form.contextLabel, [rootKeyId, ...names])
  return { rootKeyId, salt, ...wrapSecret(key, salt, form.wrapLabel, bound, plain) }
}

/** The secret. Throws StoreCorrupt where the keyring lacks the key, or the row is damaged or bound to other names. */
export function unwrapUnderRoot(
  keyring: Keyring,
  form: RootWrapForm,
  names: readonly string[],
  stored: RootWrapped,
): Buffer {
  const { what } = form
  if (!isSound(stored, form.secretBytes)) throw new CofferError('StoreCorrupt', { what })
  const { rootKeyId, salt } = stored
  const key = keyring.key(rootKeyId)
  if (key === undefined) {
    throw new CofferError('StoreCorrupt', { what: 'root key not in keyring', rootKeyId })
  }
  const bound = hashFields(form.contextLabel, [rootKeyId, ...names])
  try {
    return unwrapSecret(key, salt, form.wrapLabel, bound, stored, what)
  } catch (error) {
    // No client sent this key. Where it is wrong, the row or the keyring is damaged.
    if (!isCode(error, 'KeyWrong')) throw error
    throw new CofferError('StoreCorrupt', { what, rootKeyId }, error)
  }
}

/** A row may hold anything in the place of a wrap. */
const isSound = (stored: RootWrapped | null | undefined, secretBytes: number | undefined) =>
  typeof stored?.rootKeyId === 'string' &&
  stored.salt?.length === SALT_BYTES &&
  stored.commitment?.length === COMMITMENT_BYTES &&
  (secretBytes === undefined
    ? stored.wrapped?.length >= TAG_BYTES
    : stored.wrapped?.length === secretBytes + TAG_BYTES)
