// Small secrets under a root key, each in an envelope of its own: EC2 secrets, and what the key manager keeps. The
// envelope is bound to the kind of secret, the project and the id, so that no row's secret opens as another's
// (docs/format.md §4).
import { randomBytes } from 'node:crypto'
import { CofferError, isCode } from '../errors.ts'
import type { Keyring } from './cipher.ts'
import { TAG_BYTES } from './records.ts'
import { COMMITMENT_BYTES, hashFields, SALT_BYTES, unwrapSecret, wrapSecret } from './wrapping.ts'

const CONTEXT_LABEL = Buffer.from('coffer/v2 secret context')
const WRAP_LABEL = Buffer.from('coffer/v2 secret')

/** What an envelope is bound to. */
export interface SecretContext {
  /** The kind of row: `ec2-credential`, `secret`. */
  readonly kind: string
  readonly project: string
  readonly id: string
}

/** A secret as its row has it. */
export interface SealedSecret {
  rootKeyId: string
  salt: Buffer
  commitment: Buffer
  /** Ciphertext ‖ tag. */
  wrapped: Buffer
}

export interface SecretCipher {
  /** Seals under the active root key; `plain` stays the caller's. Throws Internal where that key is missing. */
  seal(context: SecretContext, plain: Buffer): SealedSecret
  /** Throws StoreCorrupt where the keyring lacks the key, or the row is damaged or another's. */
  open(context: SecretContext, sealed: SealedSecret): Buffer
}

const contextOf = (rootKeyId: string, { kind, project, id }: SecretContext) =>
  hashFields(CONTEXT_LABEL, [rootKeyId, kind, project, id])

const corrupt = (rootKeyId: string | undefined, what: string, cause?: unknown) =>
  new CofferError('StoreCorrupt', { what, ...(rootKeyId !== undefined && { rootKeyId }) }, cause)

function requireForm({ rootKeyId, salt, commitment, wrapped }: SealedSecret): void {
  const isSound =
    typeof rootKeyId === 'string' &&
    salt?.length === SALT_BYTES &&
    commitment?.length === COMMITMENT_BYTES &&
    wrapped?.length >= TAG_BYTES
  if (!isSound) throw corrupt(undefined, 'a sealed secret')
}

/** Keys of the keyring are read at each call, because it can be replaced. */
export function secretCipher(keyring: Keyring): SecretCipher {
  return {
    seal(context, plain) {
      const rootKeyId = keyring.active
      const key = keyring.key(rootKeyId)
      if (key === undefined) throw new CofferError('Internal', { what: 'active root key missing' })
      const salt = randomBytes(SALT_BYTES)
      const sealed = wrapSecret(key, salt, WRAP_LABEL, contextOf(rootKeyId, context), plain)
      return { rootKeyId, salt, ...sealed }
    },
    open(context, sealed) {
      requireForm(sealed)
      const { rootKeyId, salt } = sealed
      const key = keyring.key(rootKeyId)
      if (key === undefined) throw corrupt(rootKeyId, 'root key not in keyring')
      const bound = contextOf(rootKeyId, context)
      try {
        return unwrapSecret(key, salt, WRAP_LABEL, bound, sealed, 'a sealed secret')
      } catch (error) {
        // No client sent this key. Where it is wrong, the row or the keyring is damaged.
        if (!isCode(error, 'KeyWrong')) throw error
        throw corrupt(rootKeyId, 'a sealed secret', error)
      }
    },
  }
}
