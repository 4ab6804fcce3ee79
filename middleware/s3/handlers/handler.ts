// What every handler is: it answers the request, or throws what errors.ts can render.
import type { Context, Node } from '../../state.ts'

/** `document` is the request's XML body, read whole; empty where the operation takes none. */
export type Handler = (ctx: Context, node: Node, document: Buffer) => Promise<void>
