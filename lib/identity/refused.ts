// Why the identity service or the key manager refuses something: a closed list of reasons, without HTTP.

export type RefusalReason =
  | 'forbidden' // the caller may not; details are not given
  | 'missing' // there is no such thing, or the caller may not know of it
  | 'taken' // the name or id is in use, or what is set once is set
  | 'invalid' // a value that cannot be
  | 'tooLarge' // a value that is longer than there is room for
  | 'readOnly' // it lies in users.yaml, which only its operator edits
  | 'limit' // one more than there may be

/** The message is a sentence for whoever asked, and never holds a secret. */
export class IdentityRefused extends Error {
  readonly reason: RefusalReason

  constructor(reason: RefusalReason, message: string) {
    super(message)
    this.name = 'IdentityRefused'
    this.reason = reason
  }
}
