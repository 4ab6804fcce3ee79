// `multipart-manifest=delete`: deletes an object and, of a manifest, the segments that it names, those of manifests among
// them too. Swift: swift/common/middleware/slo.py, handle_multipart_delete.
import type { ManifestLink, ObjectRef, ReadManifest } from '../../../lib/service/types.ts'
import { spend } from '../../../lib/turns.ts'
import { noteFailure } from '../../late-failure.ts'
import type { Node } from '../../node.ts'
import { chooseFormat } from '../accept.ts'
import { sendEmpty, sendText } from '../answer.ts'
import { deletionDocument } from '../bulk-document.ts'
import type { Context } from '../context.ts'
import { isMarked } from '../etag.ts'
import { headerOf, isTrue } from '../headers.ts'
import { MANIFEST_LINKS_MAX } from '../limits.ts'
import { objectOf, versionIdOf } from '../object-ref.ts'
import { quotePath } from '../quote.ts'
import { SwiftError } from '../swift-error.ts'
import { Deletions, isMissing, pathOf } from './deletions.ts'

/** Objects of one deletion. */
const OBJECTS_MAX = 10 * MANIFEST_LINKS_MAX
const linksOf = ({ entries }: ReadManifest): ManifestLink[] =>
  (entries ?? []).filter((entry): entry is ManifestLink => !('ownBytes' in entry))

/** What a deletion has found, and what became of it. */
class Deleting {
  readonly #ctx: Context
  readonly #node: Node
  readonly #account: string
  /** Objects by their paths, each of which is deleted once. */
  readonly #found = new Map<string, ObjectRef>()
  readonly deletions: Deletions

  constructor(ctx: Context, node: Node) {
    this.#ctx = ctx
    this.#node = node
    this.#account = objectOf(ctx).account
    this.deletions = new Deletions(ctx, node)
  }

  /** Adds what a manifest names, and what that names. Throws SwiftError 400 beyond OBJECTS_MAX. */
  async gather(manifest: ReadManifest): Promise<void> {
    const within: ManifestLink[] = []
    for (const link of linksOf(manifest)) {
      const path = pathOf(link)
      if (this.#found.has(path)) continue
      this.#found.set(path, {
        account: this.#account,
        container: link.container,
        object: link.object,
      })
      if (link.isManifest) within.push(link)
    }
    if (this.#found.size > OBJECTS_MAX) {
      throw new SwiftError(400, 'Too many buffered slo segments to delete.')
    }
    const turn = spend(linksOf(manifest).length)
    if (turn !== undefined) await turn
    for (const link of within) await this.#gatherOf(link)
  }

  async #gatherOf({ container, object }: ManifestLink): Promise<void> {
    const { asker, cipher } = this.#ctx.state
    const ref = { account: this.#account, container, object }
    try {
      await this.gather(await this.#node.service.getManifest(asker, ref, { cipher }))
    } catch (error) {
      this.deletions.note(pathOf(ref), error)
      this.#found.delete(pathOf(ref))
    }
  }

  /** Deletes all objects, and the manifest itself last. */
  async finish(versionId: string | undefined): Promise<void> {
    const self = objectOf(this.#ctx)
    this.#found.delete(pathOf(self))
    await this.deletions.objects(this.#found.values())
    await this.deletions.object(self, versionId)
  }
}

async function deleteAll(ctx: Context, node: Node) {
  const { asker, cipher } = ctx.state
  const ref = objectOf(ctx)
  const versionId = versionIdOf(ctx)
  const deleting = new Deleting(ctx, node)
  const { deletions } = deleting
  try {
    const manifest = await node.service.getManifest(asker, ref, { versionId, cipher })
    if (!isMarked(manifest.info)) deletions.errors.push([pathOf(ref), 'Not an SLO manifest'])
    else {
      await deleting.gather(manifest)
      await deleting.finish(versionId)
    }
  } catch (error) {
    if (!isMissing(error)) throw error
    deletions.notFound++
  }
  return deletions
}

/** Deletes the manifest now, and its segments soon. They lie in one container, and none is a manifest. */
async function deleteLater(ctx: Context, node: Node): Promise<void> {
  const { asker, cipher } = ctx.state
  const ref = objectOf(ctx)
  const versionId = versionIdOf(ctx)
  const manifest = await node.service.getManifest(asker, ref, { versionId, cipher })
  if (manifest.entries === undefined) throw new SwiftError(400, 'Not an SLO manifest')
  const links = linksOf(manifest)
  const containers = new Set(links.map(({ container }) => container))
  if (containers.size > 1) {
    const named = [...containers].map((container) => `"${quotePath(container)}"`).join(', ')
    throw new SwiftError(400, `All segments must be in one container. Found segments in ${named}`)
  }
  if (links.some(({ isManifest }) => isManifest)) {
    throw new SwiftError(400, 'No segments may be large objects.')
  }
  await node.service.authorize(asker, 'deleteObject', { ...ref, versionId })
  const [container] = containers
  if (container !== undefined) {
    const objects = links.map(({ object }) => object)
    await node.service.deleteLater(asker, { account: ref.account, container }, objects)
  }
  await node.service.delete(asker, ref, { versionId, promote: false })
  sendEmpty(ctx, 204)
}

/**
 * Answers `DELETE ?multipart-manifest=delete`. The status is 200 in any case; the document holds the result. With
 * `async=on` it is 204, and the segments are deleted later.
 */
export async function deleteManifest(ctx: Context, node: Node): Promise<void> {
  if (isTrue(ctx.state.swift.query.get('async'))) {
    await deleteLater(ctx, node)
    return
  }
  const { format, contentType } = chooseFormat(undefined, headerOf(ctx, 'accept'))
  const deletion = await deleteAll(ctx, node)
  if (deletion.errors.length > 0) noteFailure(ctx.state, 'Swift400', 400)
  sendText(ctx, contentType, deletionDocument(format, deletion))
}
