// What every handler is: it answers the request, or throws what errors.ts can render.

import type { Node } from '../../node.ts'
import type { Context } from '../context.ts'
import type { ReadDocument } from '../documents.ts'

/** `read` reads the request's XML body, where the operation takes one: only once the caller is known to have the
 * right that the operation asks for, and what it is about to be there. */
export type Handler = (ctx: Context, node: Node, read: ReadDocument) => Promise<void>
