// Payloads on the wire: the content types in which they come and go, and base64, which is read strictly.
import { type Payload, type PayloadType, payloadTypes } from '../../lib/keymanager/secrets.ts'
import { RestError } from '../rest/rest-error.ts'
import type { Context } from '../rest/route.ts'

/** The type of a header or field; undefined for one in which no payload comes. Of text the only charset is UTF-8. */
function typeOf(sent: string): PayloadType | undefined {
  const [type = '', ...parameters] = sent
    .toLowerCase()
    .split(';')
    .map((part) => part.trim())
  const known = payloadTypes.find((each) => each === type)
  const isPlain = parameters.every((each) => /^charset="?utf-?8"?$/.test(each))
  return isPlain && (parameters.length === 0 || type === 'text/plain') ? known : undefined
}

/** Throws RestError 400 for what is no base64 in its one spelling (RFC 4648 §4); line breaks may stand between. */
function decodeBase64(text: string): Buffer {
  const packed = text.replaceAll(/[\r\n]/g, '')
  const bytes = Buffer.from(packed, 'base64')
  if (bytes.toString('base64') !== packed) {
    bytes.fill(0)
    throw new RestError(400, 'The payload is no base64.')
  }
  return bytes
}

/** The payload in the JSON of a new secret; null where there is none. Throws RestError 400. */
export function payloadOfJson(
  payload: string | null | undefined,
  contentType: string | null | undefined,
  encoding: string | null | undefined,
): Payload | null {
  if (payload == null) {
    if (contentType != null) {
      throw new RestError(400, 'payload must be provided when payload_content_type is supplied.')
    }
    return null
  }
  if (payload === '') throw new RestError(400, "If 'payload' specified, must be non empty.")
  if (contentType == null || contentType === '') {
    throw new RestError(
      400,
      "If 'payload' is supplied, 'payload_content_type' must also be supplied.",
    )
  }
  const type = typeOf(contentType)
  if (type === undefined) throw new RestError(400, 'payload_content_type is not supported.')
  if (type === 'text/plain') {
    if (encoding != null) {
      throw new RestError(400, 'payload_content_encoding must not be specified for text/plain.')
    }
    return { type, bytes: Buffer.from(payload) }
  }
  if (encoding !== 'base64') {
    throw new RestError(400, `payload_content_encoding must be base64 for ${type}.`)
  }
  return { type, bytes: decodeBase64(payload) }
}

/** The payload that is the body of a PUT. Throws RestError 415 for another content type, 400. */
export function payloadOfBody({ req }: Context, body: Buffer): Payload {
  const type = typeOf(String(req.headers['content-type'] ?? ''))
  if (type === undefined) {
    const shown = payloadTypes.join(', ')
    throw new RestError(415, `Content-Type must be one of: ${shown}.`)
  }
  const encoding = req.headers['content-encoding']
  if (encoding !== undefined && encoding !== 'base64') {
    throw new RestError(400, 'Content-Encoding must be base64, or absent.')
  }
  if (type === 'text/plain') {
    if (encoding !== undefined)
      throw new RestError(400, 'text/plain comes without Content-Encoding.')
    if (!isText(body)) throw new RestError(400, 'The payload is no UTF-8.')
  }
  return { type, bytes: encoding === undefined ? body : decodeBase64(body.toString('latin1')) }
}

function isText(bytes: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return true
  } catch {
    return false
  }
}

/**
 * The content type in which a payload is answered. Bytes may be asked for of any payload, and text of any that is UTF-8:
 * `openstack secret store` stores texts as bytes, and `secret get -p` accepts text alone. Throws RestError 406.
 */
export function answeredType(ctx: Context, { type, bytes }: Payload): string {
  const offered = [
    ...new Set([type, ...(isText(bytes) ? ['text/plain'] : []), 'application/octet-stream']),
  ]
  const chosen = ctx.accepts(...offered)
  if (chosen === false) {
    throw new RestError(
      406,
      'Secret payload retrieval issue seen - Accept of this request fits it not.',
    )
  }
  return chosen === 'text/plain' ? 'text/plain; charset=UTF-8' : String(chosen)
}
