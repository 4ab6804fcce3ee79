// What every dialect's own refusals have in common: a status, a name for logs, and headers. What the service refuses in
// storage words is a CofferError, and each dialect has its form for it.

/** Thrown by a dialect, rendered by the same one. Never carries a key. */
export abstract class Refusal extends Error {
  readonly status: number
  /** What logs, the audit and metrics call it. */
  readonly code: string
  readonly headers: Readonly<Record<string, string>>

  constructor(
    status: number,
    code: string,
    message: string,
    headers: Readonly<Record<string, string>>,
  ) {
    super(message)
    this.status = status
    this.code = code
    this.headers = headers
  }
}
