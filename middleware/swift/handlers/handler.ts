// What answers one operation: translates the request to the service and its outcome back.

import type { Node } from '../../node.ts'
import type { Context } from '../context.ts'

export type Handler = (ctx: Context, node: Node) => Promise<void>
