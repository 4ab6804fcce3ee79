// Reads a Swift request: which operation it is and what it addresses. Pure: no store is asked.
import type { OperationName } from './names.ts'

export interface SwiftRequest {
  readonly operation: OperationName
  /** The storage id: what follows the reseller prefix in the URL. */
  readonly account: string | undefined
  readonly container: string | undefined
  readonly object: string | undefined
  /** Decoded; of several with one name the first counts. */
  readonly query: ReadonlyMap<string, string>
}
