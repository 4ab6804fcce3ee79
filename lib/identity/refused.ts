// Why the identity service or the key manager refuses something: a closed list of reasons, without HTTP.

export const refusals = [
  'forbidden', // the caller may not; details are not given
  'missing', // there is no such thing, or the caller may not know of it
  'taken', // the name or id is in use
  'invalid', // a value that cannot be
  'readOnly', // it lies in users.yaml, which only its operator edits
  'limit', // one more than there may be
] as const

export type RefusalReason = (typeof refusals)[number]

/** The message is a sentence for whoever asked, and never holds a secret. */
export class IdentityRefused extends Error {
  readonly reason: RefusalReason

  constructor(reason: RefusalReason, message: string) {
    super(message)
    this.name = 'IdentityRefused'
    this.reason = reason
  }
}
