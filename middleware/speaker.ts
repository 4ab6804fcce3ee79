// What a dialect is to the pipeline. The pipeline's stages know the order of things and what all dialects share; for what
// each does in its own way they call the speaker of the request. speakers.ts lists those that there are.
import type { IncomingHttpHeaders } from 'node:http'
import type { Pieces } from '../lib/bytes/pull.ts'
import type { CofferError } from '../lib/errors.ts'
import type { HeaderRule, HeaderTable } from './header-table.ts'
import type { MessageFault } from './http/message-fault.ts'
import type { Announced } from './http/received-body.ts'
import type { Unparsed } from './http/unparsed.ts'
import type { SentKeys } from './keys/sent-key.ts'
import type { Context, KeyRule, State, Target } from './state.ts'

/** One dialect. Its methods are called in this order, each by the stage of the pipeline that its line names. */
export interface Speaker<S extends State = State> {
  /** What the log, the audit and metrics call it. */
  readonly name: string
  /** All methods that any of its resources takes. */
  readonly methods: readonly string[]
  /** Names, in lower case, of the response headers that it sets before a request is refused or granted. They stay on
   * refusals; all others of an answer that was begun are removed. */
  readonly standing: ReadonlySet<string>
  /** Which families of request headers pass (gatekeeper). */
  readonly headers: HeaderTable

  /** Sets the ids of the request on the answer, and its own id in `requestId` where it has a form for it (target). */
  begin(ctx: Context<S>): void
  /** Its refusal of what HTTP itself forbids (message). */
  refuseMessage(fault: MessageFault): Error
  /** Sets `operation`, `container` and `object` (detect). Throws a Refusal. */
  detect(ctx: Context<S>): void
  /** Sets the headers that name who may read the answer in a browser (origins). */
  nameOrigins?(ctx: Context<S>): void | Promise<void>
  /** Its refusal of a header by a row of its table, which never shows the value (gatekeeper). */
  refuseHeader(rule: HeaderRule, name: string): Error
  /** Requests that carry who asks in their body (forms). */
  readonly forms?: FormReader<S>
  /** Finds who asks and sets `caller`, and `provenAs` where that was proven by what can be guessed (auth). Throws what
   * the dialect says to whoever did not prove it. */
  authenticate(ctx: Context<S>): void | Promise<void>
  /** Whose secret an error says was guessed wrong; undefined where nothing was guessed (logins). */
  guessed(state: S, error: unknown): string | undefined
  /** Takes the customer keys out of the request. What is wrong with how they were sent goes to `faults`, the first of
   * which is thrown once the keys are sure to be destroyed (ssec). */
  takeKeys(ctx: Context<S>, faults: CofferError[]): SentKeys
  /** What the request's operation does with customer keys. */
  keyRule(state: S): KeyRule
  /** Sets `cipher` and `sourceCipher` where the request's keys and the operation's rule ask for others than the node's
   * own, which they are (encryption). Throws KeyInvalid, KeyAlgorithmInvalid. */
  bindKeys(ctx: Context<S>, rule: KeyRule): void
  /** Sets `source`: `received`, unpacked and held to all that came with it (body). */
  prepareBody(ctx: Context<S>, received: Pieces, announced: Announced): void
  /** Answers the request (dispatch). Throws what `render` can say. */
  handle(ctx: Context<S>): Promise<void>

  /** The status that an error has. */
  statusOf(ctx: Context<S>, error: unknown): number
  /** Makes an error the answer. Only before headers are sent (errors). */
  render(ctx: Context<S>, error: unknown): void
  /** The answer to what Node's parser could not read: its code, and the path as sent where there is one. */
  unparsed(code: string, path: Buffer | undefined): Unparsed
  /** How the caller proved who it is, for metrics; undefined where nothing was sent that proves anything. */
  proofOf(state: S, status: number): Proof | undefined
}

/** How a caller proved, or failed to prove, who it is. Outcomes are of a closed list of the dialect's. */
export interface Proof {
  readonly by: 'login' | 'token' | 'signature'
  readonly outcome: string
}

/** The proofs of speakers whose callers log in and then send a token. */
export const tokenProofs = {
  granted: { by: 'login', outcome: 'granted' },
  denied: { by: 'login', outcome: 'denied' },
  refused: { by: 'login', outcome: 'refused' },
  valid: { by: 'token', outcome: 'good' },
  invalid: { by: 'token', outcome: 'denied' },
} as const satisfies Record<string, Proof>

/** Reads the part of a body that says who asks. */
export interface FormReader<S extends State = State> {
  /** True for a request that has such a body. */
  matches(ctx: Context<S>): boolean
  /** Reads its fields, of which there must be a bound, and keeps what it has read beyond them for `prepareBody`. */
  read(ctx: Context<S>, received: Pieces): Promise<void>
}

/** The speakers of a listener. */
export interface Speakers {
  readonly all: readonly Speaker[]
  /** Who answers a request, by its request line and headers alone. */
  of(target: Pick<Target, 'path' | 'query' | 'host'>, headers: IncomingHttpHeaders): Speaker
}

/** What the stages hand on among themselves beside what handlers see. */
export interface SpokenState extends State {
  speaker: Speaker
  /** The reader of the body, where a form was read from it. */
  received?: Pieces
}

export type SpokenContext = Context<SpokenState>
