// Refusals that only Swift knows: a status, a text, and sometimes headers. What both dialects know is a
// CofferError, and errors.ts has Swift's words for it.
import { Refusal } from '../refusal.ts'

export class SwiftError extends Refusal {
  /** Shown to the client; undefined: Swift's standing words for the status. */
  readonly text: string | undefined

  constructor(status: number, text?: string, headers: Readonly<Record<string, string>> = {}) {
    super(status, `Swift${status}`, text ?? `status ${status}`, headers)
    this.name = 'SwiftError'
    this.text = text
  }
}

/**
 * Refuses a feature that this node does not have. 400, because python-swiftclient takes any 5xx for a fault that
 * passes and sends the request six times within half a minute. The feature comes first: clients show only the beginning.
 * `asked` says by what it was asked for.
 */
export function unbuilt(feature: string, asked: string): SwiftError {
  return new SwiftError(400, `Not built: ${feature} (${asked})`)
}
