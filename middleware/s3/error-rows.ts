// The types of the error tables: a row is S3's answer to an error.
import type { Details } from '../../lib/errors.ts'
import type { Elements } from './s3-error.ts'

/** What a row may use of the request: names, and neither a key nor a signature. */
export interface Asked {
  readonly method: string
  readonly path: string
  readonly operation: string
  readonly bucket: string | undefined
  readonly key: string | undefined
  readonly header: (name: string) => string | undefined
  /** A parameter of the query, undefined also where the request failed before its query was read. */
  readonly parameter: (name: string) => string | undefined
}

export interface Row {
  readonly status: number
  readonly code: string
  readonly message: string
  readonly elements?: Elements
  readonly headers?: Readonly<Record<string, string>>
}

/** A row, or a function that makes one from the error's details and the request. */
export type RowOf = Row | ((details: Details, asked: Asked) => Row)

export const row = (
  status: number,
  code: string,
  message: string,
  elements: Elements = {},
): Row => ({ status, code, message, elements })

export const denied = (message = 'Access Denied', elements?: Elements) =>
  row(403, 'AccessDenied', message, elements)

export const badRequest = (message: string) => row(400, 'InvalidRequest', message)

export const notFitting = (name: string, value: string | number | undefined, message: string) =>
  row(400, 'InvalidArgument', message, { ArgumentName: name, ArgumentValue: value })

/** The value as a message, or `otherwise` where it is empty: an empty message breaks clients. */
export const text = (value: string | number | undefined, otherwise: string) =>
  String(value || otherwise)

/** True for the operations that copy from another object. */
export const copies = (operation: string) =>
  operation === 'CopyObject' || operation === 'UploadPartCopy'

export const internal: RowOf = (_details, { path }) =>
  row(500, 'InternalError', 'We encountered an internal error. Please try again.', {
    Resource: path,
  })
