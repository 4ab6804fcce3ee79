// Refusals of the services that speak JSON: identity and the key manager. A refusal of the service below is a CofferError
// or an IdentityRefused, and the tables here have the status and the words for it.
import { type Code, CofferError } from '../../lib/errors.ts'
import { IdentityRefused, type RefusalReason } from '../../lib/identity/refused.ts'
import { Refusal } from '../refusal.ts'

/** Titles as Keystone and Barbican write them. */
const titles: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  408: 'Request Timeout',
  409: 'Conflict',
  411: 'Length Required',
  413: 'Request Entity Too Large',
  414: 'URI Too Long',
  415: 'Unsupported Media Type',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  505: 'HTTP Version Not Supported',
  507: 'Insufficient Storage',
}

export const titleOf = (status: number) => titles[status] ?? 'Error'

export class RestError extends Refusal {
  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(status, `Rest${status}`, message, headers)
    this.name = 'RestError'
  }
}

/** What a client is told of an error. */
export interface Said {
  readonly status: number
  readonly message: string
  readonly headers?: Readonly<Record<string, string>>
}

const reasons: Readonly<Record<RefusalReason, number>> = {
  forbidden: 403,
  missing: 404,
  taken: 409,
  invalid: 400,
  tooLarge: 413,
  readOnly: 403,
  limit: 403,
}

const later = { status: 503, message: 'Try again later.', headers: { 'Retry-After': '1' } }

/** Codes that can come of a request to these services. Those about objects cannot, and are faults of coffer's: 500. */
const codes: Partial<Readonly<Record<Code, Said>>> = {
  AccessDenied: { status: 403, message: 'You are not authorized to perform the requested action.' },
  UploadsExceeded: { status: 429, message: 'Too many requests under way.' },
  AnswersExceeded: later,
  BodyTruncated: { status: 400, message: 'The body of the request is shorter than announced.' },
  BodyTooSlow: { status: 408, message: 'The body of the request came too slowly.' },
  StoreUnavailable: later,
  OutcomeUnknown: later,
  WriteConflict: { status: 409, message: 'Others changed it at the same time.' },
  StoreFull: { status: 507, message: 'The disk is full.' },
  NotSupported: { status: 501, message: 'This node does not do that.' },
}

const fault: Said = {
  status: 500,
  message: 'An unexpected error prevented the server from fulfilling your request.',
}

export function describe(error: unknown): Said {
  if (error instanceof RestError) return error
  if (error instanceof IdentityRefused) {
    return { status: reasons[error.reason], message: error.message }
  }
  if (!(error instanceof CofferError)) return fault
  if (error.code === 'LoginDelayed') {
    const seconds = String(error.details.seconds)
    return {
      status: 429,
      message: `Too many logins were denied: wait for ${seconds} seconds.`,
      headers: { 'Retry-After': seconds },
    }
  }
  return codes[error.code] ?? fault
}
