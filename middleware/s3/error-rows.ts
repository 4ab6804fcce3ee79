// Pieces that the error tables are made of: one row says what S3 answers.
import type { Details } from '../../lib/errors.ts'
import type { Elements } from './s3-error.ts'

/** What a row may need to know of the request. Names only: no key, no signature. */
export interface Asked {
  readonly method: string
  readonly path: string
  readonly operation: string
  readonly bucket: string | undefined
  readonly key: string | undefined
  readonly header: (name: string) => string | undefined
  /** A parameter of the query; undefined also where the request was not read so far. */
  readonly parameter: (name: string) => string | undefined
}

export interface Row {
  readonly status: number
  readonly code: string
  readonly message: string
  readonly elements?: Elements
  readonly headers?: Readonly<Record<string, string>>
}

/** A row, or what makes one of the error's details and the request. */
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

/** A message is never empty. */
export const text = (value: string | number | undefined, otherwise: string) =>
  String(value || otherwise)

/** True for the operations that have a source. */
export const copies = (operation: string) =>
  operation === 'CopyObject' || operation === 'UploadPartCopy'

export const internal: RowOf = (_details, { path }) =>
  row(500, 'InternalError', 'We encountered an internal error. Please try again.', {
    Resource: path,
  })
