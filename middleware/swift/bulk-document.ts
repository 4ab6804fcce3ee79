// The document that says how work on many names ended. The HTTP status is 200, or 202, whatever is in it.
// Swift: swift/common/middleware/bulk.py, get_response_body.
import { all, DECLARATION, leaf, node } from '../http/xml-writer.ts'
import type { Format } from './accept.ts'

/** The percent-encoded path and the reason of something that failed. */
export type BulkError = readonly [path: string, reason: string]

export interface Deletion {
  readonly deleted: number
  readonly notFound: number
  readonly errors: readonly BulkError[]
  /** Of work that was refused, or given up, as a whole. */
  readonly refusal?: { readonly status: string; readonly text: string }
}

/** Fields by their names, in the order of these. */
type Fields = Readonly<Record<string, string | number>>

function xmlOf(root: string, fields: Fields, failed: readonly BulkError[]): string {
  const leaves = Object.entries(fields).map(([name, value]) =>
    leaf(name.replaceAll(' ', '_').toLowerCase(), value),
  )
  const errors = failed.map(([name, status]) =>
    node('object', leaf('name', name), leaf('status', status)),
  )
  return node(root, ...leaves, node('errors', all(errors)))
}

function textOf(fields: Fields, failed: readonly BulkError[]): string {
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\n`)
  const errors = failed.map(([name, status]) => `${name}, ${status}\n`)
  return [...lines, 'Errors:\n', ...errors].join('')
}

/** The document in one of the formats of listings, in XML without a declaration. */
export function bulkDocument(
  format: Format,
  root: 'delete' | 'upload',
  fields: Fields,
  errors: readonly BulkError[],
): string {
  if (format === 'json') return JSON.stringify({ ...fields, Errors: errors })
  return format === 'xml' ? xmlOf(root, fields, errors) : textOf(fields, errors)
}

/** The document of a deletion. */
export function deletionDocument(
  format: Format,
  { deleted, notFound, errors, refusal }: Deletion,
): string {
  const status = errors.length === 0 ? '200 OK' : '400 Bad Request'
  const fields = {
    'Number Deleted': deleted,
    'Number Not Found': notFound,
    'Response Body': refusal?.text ?? '',
    'Response Status': refusal?.status ?? status,
  }
  const document = bulkDocument(format, 'delete', fields, errors)
  return format === 'xml' ? DECLARATION + document : document
}
