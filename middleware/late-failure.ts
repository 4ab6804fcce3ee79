// Failures behind a status of success: a document that says so under a 200, a body that breaks off. The status on
// the wire says nothing of them: audit, metrics and log read what is noted here.
import type { State } from './state.ts'

/**
 * Notes what a request failed with although its answer says success. `status` is the one that the failure would
 * have had; of several the worst counts.
 */
export function noteFailure(state: State, code: string, status: number): void {
  if (state.lateStatus !== undefined && state.lateStatus >= status) return
  state.failure = code
  state.lateStatus = status
}
