// The type of a handler, which answers one operation: it translates the request to the service and its result back.

import type { Node } from '../../node.ts'
import type { Context } from '../context.ts'

export type Handler = (ctx: Context, node: Node) => Promise<void>
