// What the stages of a Swift request hand on beside what every dialect has.
import type { Context as AnyContext, State } from '../state.ts'
import type { SwiftRequest } from './detect.ts'

export interface SwiftState extends State {
  /** What `detect` read of the request line and the headers. */
  swift: SwiftRequest
  /** A token was sent, right or wrong: what is denied is 403 with a right one, else 401. */
  token: 'none' | 'valid' | 'invalid'
  /** The `account:user` that a login names, not yet checked; '' where there is none. */
  loginAs: string
}

export type Context = AnyContext<SwiftState>
