// `bulk-delete`: deletes the objects and the empty containers that the lines of the body name, percent-encoded.
// Swift: swift/common/middleware/bulk.py, get_objs_to_delete and handle_delete_iter.
import { release } from '../../../lib/bytes/release.ts'
import type { Source } from '../../../lib/bytes/source.ts'
import { CofferError } from '../../../lib/errors.ts'
import { spend, textSteps } from '../../../lib/turns.ts'
import { holdBody } from '../../http/answer-memory.ts'
import { announced } from '../../http/received-body.ts'
import { noteFailure } from '../../late-failure.ts'
import type { Node } from '../../node.ts'
import { chooseDocument, chooseFormat } from '../accept.ts'
import { sendText } from '../answer.ts'
import { deletionDocument } from '../bulk-document.ts'
import type { Context } from '../context.ts'
import { headerOf } from '../headers.ts'
import { BULK_BYTES_MAX, BULK_FAILURES_MAX, BULK_NAMES_MAX } from '../limits.ts'
import { sentenceOf, titleOf } from '../pages.ts'
import { SwiftError } from '../swift-error.ts'
import { Deletions } from './deletions.ts'
import type { Handler } from './handler.ts'

/** Bytes of one line: a name of 256 bytes and one of 1,024, with each byte percent-encoded, and slashes. */
const LINE_BYTES_MAX = 4096
/** Memory that a name takes for each byte of its line. */
const MEMORY_FACTOR = 3

/** A line as it was sent, and the name in it; undefined where it can be none. */
interface Named {
  readonly line: string
  readonly name: string | undefined
}

/** The bytes that a percent-encoded line stands for, as Python's unquote() reads it. */
function readName(line: string): string | undefined {
  const bytes = line.replace(/%([0-9a-f]{2})/gi, (_, hex) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  try {
    const name = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(bytes, 'latin1'))
    return name.includes('\0') ? undefined : name.trim().replace(/^\/+/, '')
  } catch {
    return undefined
  }
}

/** The names in the body. Throws SwiftError 413 for too many or too long a body, 400 for too long a line. */
async function readNames(source: Source): Promise<Named[]> {
  const names: Named[] = []
  let rest = ''
  let size = 0
  const take = async (line: string) => {
    if (line.length > LINE_BYTES_MAX) throw new SwiftError(400, 'Invalid File Name')
    const text = line.trim()
    if (text !== '') names.push({ line: text, name: readName(text) })
    if (names.length > BULK_NAMES_MAX) {
      throw new SwiftError(413, `Maximum Bulk Deletes: ${BULK_NAMES_MAX} per request`)
    }
    const turn = spend(1 + textSteps(line))
    if (turn !== undefined) await turn
  }
  for (let piece = await source.read(); piece !== undefined; piece = await source.read()) {
    size += piece.length
    if (size > BULK_BYTES_MAX) throw new SwiftError(413)
    const lines = (rest + piece.toString('latin1')).split('\n')
    release(piece)
    rest = lines.pop()!
    for (const line of lines) await take(line)
    if (rest.length > LINE_BYTES_MAX) throw new SwiftError(400, 'Invalid File Name')
  }
  await take(rest)
  return names
}

/** Deletes the objects, then the containers, which may be empty by then. */
async function deleteNames(ctx: Context, node: Node, names: readonly Named[]): Promise<Deletions> {
  const account = ctx.state.swift.account!
  const deletions = new Deletions(ctx, node)
  const objects = []
  const containers = []
  for (const { line, name } of names) {
    const [, container, object] = /^([^/]+)(?:\/(.*))?$/s.exec(name ?? '') ?? []
    if (container === undefined) deletions.refuse(line, 412)
    else if (object) objects.push({ account, container, object })
    else containers.push({ account, container })
  }
  const goesOn = () => deletions.errors.length < BULK_FAILURES_MAX
  await deletions.objects(objects, goesOn)
  for (const ref of containers) if (goesOn()) await deletions.container(ref)
  if (!goesOn()) throw new SwiftError(400, 'Max delete failures exceeded')
  return deletions
}

async function carryOut(ctx: Context, node: Node): Promise<Deletions> {
  const type = headerOf(ctx, 'content-type') ?? ''
  if (type !== '' && !type.startsWith('text/plain')) throw new SwiftError(406)
  chooseFormat(undefined, headerOf(ctx, 'accept'))
  const { chunked, length = 0 } = announced(ctx.req)
  if (length > BULK_BYTES_MAX) throw new SwiftError(413)
  await holdBody(node, ctx.res, MEMORY_FACTOR * (chunked ? BULK_BYTES_MAX : length))
  return await deleteNames(ctx, node, await readNames(ctx.state.source))
}

/** https://docs.openstack.org/swift/latest/middleware.html#bulk-delete */
export const bulkDelete: Handler = async (ctx, node) => {
  // No container lets anybody write without a token, so that nothing is read from whoever has none.
  if (ctx.state.caller === null) throw new CofferError('AccessDenied')
  const { format, contentType } = chooseDocument(headerOf(ctx, 'accept'))
  const send = (outcome: Parameters<typeof deletionDocument>[1]) =>
    sendText(ctx, contentType, deletionDocument(format, outcome))
  try {
    const deletions = await carryOut(ctx, node)
    const { deleted, notFound, errors } = deletions
    if (errors.length > 0) noteFailure(ctx.state, 'Swift400', 400)
    if (deleted + notFound + errors.length > 0) return send(deletions)
    throw new SwiftError(400, 'Invalid bulk delete.')
  } catch (error) {
    if (!(error instanceof SwiftError)) throw error
    const { status, text = sentenceOf(status) } = error
    noteFailure(ctx.state, `Swift${status}`, status)
    const refusal = { status: `${status} ${titleOf(status)}`, text }
    send({ deleted: 0, notFound: 0, errors: [], refusal })
  }
}
