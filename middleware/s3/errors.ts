// Renders errors as S3 does: an XML document, or headers alone where there can be no body.
import { CofferError } from '../../lib/errors.ts'
import { setStored } from '../http/stored-header.ts'
import type { Context } from './context.ts'
import type { Row } from './error-rows.ts'
import { rowOf } from './error-table.ts'
import { headerOf } from './headers.ts'
import { S3Error } from './s3-error.ts'
import { DECLARATION, type Fragment, leaf, node } from './xml-writer.ts'

/** The answer to any error. An error of neither the service nor the dialect is a fault of coffer's: 500. */
function describe(ctx: Context, error: unknown): Row {
  if (error instanceof S3Error) return error
  const { code, details } = error instanceof CofferError ? error : new CofferError('Internal')
  // A request may fail before `detect` has set `s3`.
  const { bucket, key, query } = ctx.state.s3 ?? {}
  return rowOf(code, details, {
    method: ctx.method,
    path: ctx.state.target.path,
    operation: ctx.state.operation,
    bucket,
    key,
    header: headerOf(ctx),
    parameter: (name) => query?.get(name),
  })
}

/** Status, code and message of an error, as DeleteObjects lists them for a key. */
export function describeError(
  ctx: Context,
  error: unknown,
): Pick<Row, 'status' | 'code' | 'message'> {
  return describe(ctx, error)
}

function elementOf(ctx: Context, row: Row): Fragment {
  const { requestId } = ctx.state
  return node(
    'Error',
    leaf('Code', row.code),
    // An empty message crashes botocore and with it aws-cli.
    leaf('Message', row.message || row.code),
    ...Object.entries(row.elements ?? {}).map(([name, value]) => leaf(name, value)),
    leaf('RequestId', requestId),
    leaf('HostId', Buffer.from(requestId).toString('base64')),
  )
}

/** The `<Error>` element, for an answer whose head has already gone out as 200. */
export function errorElement(ctx: Context, error: unknown): Fragment {
  return elementOf(ctx, describe(ctx, error))
}

/** The status that an error has. */
export const statusOf = (ctx: Context, error: unknown): number => describe(ctx, error).status

/** Sets status, headers and body. Only before headers are sent. */
export function render(ctx: Context, error: unknown): void {
  const row = describe(ctx, error)
  ctx.status = row.status
  for (const [name, value] of Object.entries(row.headers ?? {})) setStored(ctx, name, value)
  if (row.status === 304 || ctx.method === 'HEAD') return
  ctx.type = 'application/xml'
  ctx.body = DECLARATION + elementOf(ctx, row)
}
