// What answers one operation: translates the request to the service and its outcome back.
import type { Context, Node } from '../../state.ts'

export type Handler = (ctx: Context, node: Node) => Promise<void>
