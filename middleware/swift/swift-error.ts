// Refusals that only Swift has: a status, a text, and sometimes headers. A refusal that both dialects have is a
// CofferError, and error-table.ts has Swift's answer to it.
import { Refusal } from '../refusal.ts'

export class SwiftError extends Refusal {
  /** The text for the client. Undefined: the page of the status (pages.ts). */
  readonly text: string | undefined

  constructor(status: number, text?: string, headers: Readonly<Record<string, string>> = {}) {
    super(status, `Swift${status}`, text ?? `status ${status}`, headers)
    this.name = 'SwiftError'
    this.text = text
  }
}

/**
 * The refusal of a feature that this node does not have. It is 400, because python-swiftclient repeats a request
 * after any 5xx, six times within half a minute (D-NOT-BUILT). The text begins with the feature, because clients show
 * only its beginning. `asked` is the header or parameter that requested the feature.
 */
export function unbuilt(feature: string, asked: string): SwiftError {
  return new SwiftError(400, `Not built: ${feature} (${asked})`)
}
