// Small secrets under a root key, each in an envelope of its own: EC2 secrets, and what the key manager keeps. The
// envelope is bound to the kind of secret, the project and the id, so that no row's secret opens as another's
// (docs/format.md §4).
import type { Keyring } from './cipher.ts'
import { type RootWrapForm, type RootWrapped, unwrapUnderRoot, wrapUnderRoot } from './root-wrap.ts'

const form: RootWrapForm = {
  contextLabel: Buffer.from('coffer/v2 secret context'),
  wrapLabel: Buffer.from('coffer/v2 secret'),
  what: 'a sealed secret',
}

/** What an envelope is bound to. */
export interface SecretContext {
  /** The kind of row: `ec2-credential`, `secret`. */
  readonly kind: string
  readonly project: string
  readonly id: string
}

/** A secret as its row has it. */
export type SealedSecret = RootWrapped

export interface SecretCipher {
  /** Seals under the active root key; `plain` stays the caller's. Throws Internal where that key is missing. */
  seal(context: SecretContext, plain: Buffer): SealedSecret
  /** Throws StoreCorrupt where the keyring lacks the key, or the row is damaged or another's. */
  open(context: SecretContext, sealed: SealedSecret): Buffer
}

const namesOf = ({ kind, project, id }: SecretContext) => [kind, project, id]

/** Keys of the keyring are read at each call, because it can be replaced. */
export const secretCipher = (keyring: Keyring): SecretCipher => ({
  seal: (context, plain) => wrapUnderRoot(keyring, form, namesOf(context), plain),
  open: (context, sealed) => unwrapUnderRoot(keyring, form, namesOf(context), sealed),
})
