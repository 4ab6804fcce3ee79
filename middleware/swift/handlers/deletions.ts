// What became of objects and containers that one request deletes, for the document that says so.
// Swift: swift/common/middleware/bulk.py, handle_delete_iter.
import { isCode } from '../../../lib/errors.ts'
import type { ContainerRef, ObjectRef } from '../../../lib/service/types.ts'
import type { Node } from '../../node.ts'
import type { BulkError } from '../bulk-document.ts'
import type { Context } from '../context.ts'
import { statusOf } from '../errors.ts'
import { titleOf } from '../pages.ts'
import { quotePath } from '../quote.ts'
import { SwiftError } from '../swift-error.ts'

/** Objects that are deleted at once. */
const DELETES_AT_ONCE = 8

const missing = ['ObjectMissing', 'VersionMissing', 'VersionIsMarker', 'ContainerMissing'] as const
export const isMissing = (error: unknown) => missing.some((code) => isCode(error, code))

/** The name of an object or container in a document: its path in the account, percent-encoded. */
export const pathOf = ({ container, object }: { container: string; object?: string }) =>
  quotePath(object === undefined ? `/${container}` : `/${container}/${object}`)

export class Deletions {
  readonly #ctx: Context
  readonly #node: Node
  readonly errors: BulkError[] = []
  deleted = 0
  notFound = 0

  constructor(ctx: Context, node: Node) {
    this.#ctx = ctx
    this.#node = node
  }

  /** Deletes all of them, a few at a time, as long as `goesOn`. Throws what `note` throws. */
  async objects(refs: Iterable<ObjectRef>, goesOn: () => boolean = () => true): Promise<void> {
    const left = refs[Symbol.iterator]()
    const work = async () => {
      for (let next = left.next(); !next.done && goesOn(); next = left.next()) {
        await this.object(next.value)
      }
    }
    await Promise.all(Array.from({ length: DELETES_AT_ONCE }, work))
  }

  async object(ref: ObjectRef, versionId?: string): Promise<void> {
    const input = { versionId, promote: false }
    try {
      const { existed } = await this.#node.service.delete(this.#ctx.state.asker, ref, input)
      if (existed) this.deleted++
      else this.notFound++
    } catch (error) {
      this.note(pathOf(ref), error)
    }
  }

  async container(ref: ContainerRef): Promise<void> {
    try {
      await this.#node.service.deleteContainer(this.#ctx.state.asker, ref)
      this.deleted++
    } catch (error) {
      this.note(pathOf(ref), error)
    }
  }

  /** Counts what is missing, and notes a refusal. Throws any other error. */
  note(path: string, error: unknown): void {
    if (isMissing(error)) {
      this.notFound++
      return
    }
    const status = error instanceof SwiftError ? error.status : statusOf(this.#ctx, error)
    if (status >= 500) throw error
    this.refuse(path, status)
  }

  refuse(path: string, status: number): void {
    this.errors.push([path, `${status} ${titleOf(status)}`])
  }
}
