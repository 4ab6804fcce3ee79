// The type of a handler: it answers the request, or throws an error that errors.ts renders.

import type { Node } from '../../node.ts'
import type { Context } from '../context.ts'
import type { ReadDocument } from '../documents.ts'

/**
 * `read` reads the request's XML body, where the operation has one. A handler calls it once the caller has the right
 * that the operation needs and the bucket or object exists: strangers' documents are not parsed.
 */
export type Handler = (ctx: Context, node: Node, read: ReadDocument) => Promise<void>
