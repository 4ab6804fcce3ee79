// Failures behind a status of success: an error document under a 200, or a body that breaks off. The status that was
// sent does not show them. Audit, metrics and log read what is noted here (D-LATE-FAILURE).
import type { State } from './state.ts'

/**
 * Notes the code with which a request failed whose answer began with success. `status` is the status that the failure
 * would have had. Of several failures the one with the highest status is kept.
 */
export function noteFailure(state: State, code: string, status: number): void {
  if (state.lateStatus !== undefined && state.lateStatus >= status) return
  state.failure = code
  state.lateStatus = status
}
