// Refusals that only the S3 dialect has: malformed requests, and headers for features that are not built. Every other
// refusal is a CofferError, and error-table.ts has its S3 form.
import { Refusal } from '../refusal.ts'

/** Elements of the error document that follow Code and Message, in this order. Undefined ones are left out. */
export type Elements = Readonly<Record<string, string | number | undefined>>

/** Thrown by the dialect, rendered by errors.ts. Never carries a key, not even in `elements`. */
export class S3Error extends Refusal {
  readonly elements: Elements

  constructor(
    status: number,
    code: string,
    message: string,
    elements: Elements = {},
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(status, code, message, headers)
    this.name = 'S3Error'
    this.elements = elements
  }
}

/** 400 InvalidArgument. `value` is echoed as ArgumentValue: never pass a secret. */
export function invalidArgument(message: string, name: string, value?: string): S3Error {
  return new S3Error(400, 'InvalidArgument', message, { ArgumentName: name, ArgumentValue: value })
}

/** 400 InvalidRequest. */
export function invalidRequest(message: string): S3Error {
  return new S3Error(400, 'InvalidRequest', message)
}

/** 400 InvalidURI: bad percent-encoding, or bytes that are no UTF-8. */
export function invalidUri(uri?: string): S3Error {
  return new S3Error(400, 'InvalidURI', "Couldn't parse the specified URI.", { URI: uri })
}

/** 400 MalformedXML. */
export function malformedXml(): S3Error {
  return new S3Error(
    400,
    'MalformedXML',
    'The XML you provided was not well-formed or did not validate against our published schema',
  )
}

/** 405 with Allow, as RFC 9110 §15.5.6 requires it. */
export function methodNotAllowed(method: string, allow: readonly string[], type: string): S3Error {
  return new S3Error(
    405,
    'MethodNotAllowed',
    'The specified method is not allowed against this resource.',
    { Method: method, ResourceType: type },
    { Allow: allow.join(', ') },
  )
}

/** 501 NotImplemented for a header whose feature is not built. */
export function headerNotImplemented(header: string, additionalMessage?: string): S3Error {
  return new S3Error(
    501,
    'NotImplemented',
    'A header you provided implies functionality that is not implemented',
    { Header: header, additionalMessage },
  )
}

/** 501 NotImplemented for an operation that is not built. */
export function operationNotImplemented(operation: string): S3Error {
  return new S3Error(
    501,
    'NotImplemented',
    `The operation ${operation} is not implemented by this node`,
  )
}
