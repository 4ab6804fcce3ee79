// COPY, and PUT with X-Copy-From: an object is copied to another, or to itself with other metadata. The request's
// conditions and range concern the source. Swift: swift/common/middleware/copy.py.
import { CofferError } from '../../../lib/errors.ts'
import type {
  CopyResult,
  Description,
  ObjectRef,
  Ranges,
  VersionInfo,
  WantedLink,
} from '../../../lib/service/types.ts'
import type { Node } from '../../node.ts'
import { sendEmpty } from '../answer.ts'
import type { BulkError } from '../bulk-document.ts'
import { conditionsOf } from '../conditions.ts'
import type { Context } from '../context.ts'
import { accountNameOf, storageIdOf } from '../detect.ts'
import { requireFuture } from '../expiry.ts'
import { headerOf, isTrue } from '../headers.ts'
import { requireSetFits } from '../metadata.ts'
import { readDescription, sentTypeOf, setDescription, setWritten } from '../object-headers.ts'
import { objectOf, versionIdOf } from '../object-ref.ts'
import { parseAccount, parsePath, quotePath } from '../quote.ts'
import { swiftRanges } from '../ranges.ts'
import { resellerPrefix } from '../resellers.ts'
import { SwiftError } from '../swift-error.ts'
import { lastModified } from '../times.ts'
import { refusingVersion } from '../version-refusals.ts'
import type { Handler } from './handler.ts'
import { asksForManifest } from './manifest.ts'
import { measureManifest, reasonOf, refusalOfProblems } from './manifest-put.ts'

interface Places {
  readonly from: ObjectRef
  readonly to: ObjectRef
}

/**
 * The other object of a copy: a header names container and object, a second one may name the account, which else is the
 * request's. Throws SwiftError 412, AccessDenied for an account that this node could not hold.
 */
function otherObject(ctx: Context, node: Node, name: string, sent: string | undefined): ObjectRef {
  const accountHeader = headerOf(ctx, `${name.toLowerCase()}-account`)
  const named = accountHeader === undefined ? undefined : parseAccount(accountHeader)
  const account =
    named === undefined ? objectOf(ctx).account : storageIdOf(named, resellerPrefix(node.config))
  if (account === undefined) throw new CofferError('AccessDenied')
  return { account, ...parsePath(name, sent ?? '') }
}

function placesOf(ctx: Context, node: Node): Places {
  const inPath = objectOf(ctx)
  if (ctx.method !== 'COPY') {
    return { from: otherObject(ctx, node, 'X-Copy-From', headerOf(ctx, 'x-copy-from')), to: inPath }
  }
  const destination = headerOf(ctx, 'destination')
  if (!destination) throw new SwiftError(412, 'Destination header required')
  return { from: inPath, to: otherObject(ctx, node, 'Destination', destination) }
}

/** The range that is copied, undefined for all of the source. Throws SwiftError 400 for several ranges. */
function rangeOf(ctx: Context): Ranges | undefined {
  const ranges = swiftRanges(headerOf(ctx, 'range'))
  return (
    ranges &&
    ((size) => {
      const extents = ranges(size)
      if (extents.length === 1) return extents
      throw new SwiftError(400, 'Copy requests take one range at most')
    })
  )
}

/** Throws SwiftError 400 where the source's and the request's metadata together exceed the limits of a PUT. */
function requireFits(metadata: Readonly<Record<string, string>>): void {
  const items = Object.entries(metadata)
  const bytes = items.reduce((sum, [name, value]) => sum + name.length + value.length, 0)
  requireSetFits(items.length, bytes)
}

/**
 * Makes the copy's description: the source's, changed by what the request sends. With X-Fresh-Metadata only the type is
 * the source's.
 */
function reviser(ctx: Context, to: ObjectRef): (source: VersionInfo) => Description {
  const sent = readDescription(ctx)
  const type = sentTypeOf(ctx, to.object)
  const isFresh = isTrue(headerOf(ctx, 'x-fresh-metadata'))
  return (source) => {
    const kept = isFresh ? { headers: { type: source.headers.type }, metadata: {} } : source
    const metadata = { ...kept.metadata, ...sent.metadata }
    if (Object.keys(sent.metadata).length > 0) requireFits(metadata)
    const inherited = isFresh ? undefined : source.deleteAtSeconds
    const deleteAtSeconds = sent.deleteAtSeconds ?? inherited
    if (deleteAtSeconds !== undefined) requireFuture('X-Delete-At', deleteAtSeconds, Date.now())
    const headers = { ...kept.headers, ...sent.headers, ...(type !== undefined && { type }) }
    // Bytes that were gathered are the copy's own.
    const gathers = sent.gathers ?? (source.isGathered ? undefined : source.gathers)
    return {
      ...{ headers, metadata },
      ...(deleteAtSeconds !== undefined && { deleteAtSeconds }),
      ...(gathers !== undefined && { gathers }),
    }
  }
}

/** Throws SwiftError 400 for a request with a body: a copy has none. */
async function requireNoBody({ state }: Context): Promise<void> {
  if ((await state.source.read()) !== undefined) {
    throw new SwiftError(400, 'Copy requests require a zero byte body')
  }
}

/** Makes a manifest of the same entries, which are looked at where the copy lies. Throws SwiftError 400 with the reasons
 * where they cannot be taken. */
async function copyManifest(
  ctx: Context,
  node: Node,
  { versionId, ...from }: ObjectRef & { readonly versionId: string | undefined },
  to: ObjectRef,
): Promise<CopyResult> {
  const { asker, cipher, sourceCipher } = ctx.state
  const action = 'copyFromObject'
  const source = await node.service.getManifest(asker, from, {
    ...{ versionId, action },
    cipher: sourceCipher,
  })
  const entries = (source.entries ?? []).map((entry) => {
    if ('ownBytes' in entry) return { data: entry.data! }
    const { container, object, etag, size, range } = entry
    return { container, object, etag, size, range: range && (() => range) }
  })
  const { info, problems } = await node.service.putManifest(asker, to, {
    ...reviser(ctx, to)(source.info),
    ...{ entries, cipher },
    measure: measureManifest,
  })
  if (info !== undefined) return { info, source: source.info }
  const errors = problems.map(({ index, why }): BulkError => {
    const { container, object } = entries[index] as WantedLink
    return [quotePath(`/${container}/${object}`), reasonOf(ctx, why)]
  })
  throw refusalOfProblems(ctx, errors)
}

/** https://docs.openstack.org/api-ref/object-store/#copy-object */
export const copyObject: Handler = async (ctx, node) => {
  const { asker, cipher, sourceCipher } = ctx.state
  await requireNoBody(ctx)
  const { from, to } = placesOf(ctx, node)
  const versionId = versionIdOf(ctx)
  const conditions = conditionsOf(ctx)
  const ranges = rangeOf(ctx)
  const action = 'copyFromObject'
  const raw = asksForManifest(ctx)
  const read = { ranges, versionId, conditions, cipher: sourceCipher, action, raw } as const
  // The source is judged before the target, because Swift reads the source before it writes anything.
  const { info: judged } = await refusingVersion(ctx, node, from, () =>
    node.service.head(asker, from, read),
  )
  const { info, source } = await (raw && judged.manifest !== undefined
    ? copyManifest(ctx, node, { ...from, versionId }, to)
    : node.service.copy(asker, to, {
        ranges,
        from: { ...from, versionId },
        fromCipher: sourceCipher,
        fromConditions: conditions,
        cipher,
        raw,
        revise: reviser(ctx, to),
        changesSelf: true,
      }))
  setWritten(ctx, info)
  setDescription(ctx, info)
  ctx.set('X-Copied-From', quotePath(`${from.container}/${from.object}`))
  ctx.set('X-Copied-From-Account', quotePath(shownAccount(node, from.account)))
  ctx.set('X-Copied-From-Last-Modified', lastModified(source.timeMicros))
  if (source.versioned) ctx.set('X-Copied-From-Version-Id', source.versionId)
  sendEmpty(ctx, 201)
}

const shownAccount = (node: Node, account: string) =>
  accountNameOf(account, resellerPrefix(node.config))
