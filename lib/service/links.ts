// Links: bytes of other objects in a body's place. A link takes no reference of what it names. At each read its target
// is found, authorised for whoever asks, opened with its own envelope by the asker's key, and refused where it is not
// what it was when the link was made.
import type { Asker } from '../auth/asker.ts'
import type { Cipher } from '../crypto/cipher.ts'
import { CofferError, isCode } from '../errors.ts'
import { spend } from '../turns.ts'
import { authorize } from './access.ts'
import { BodyReader, sliceSegments } from './body.ts'
import type {
  Asking,
  Link,
  Linked,
  OpenedVersion,
  ResolvedBody,
  SegmentRun,
  Span,
} from './resolve.ts'
import { readAnew, type Stores } from './stores.ts'
import type { ObjectRef } from './types.ts'
import { findVersion, openVersion } from './versions.ts'

/** Links that may lead on to one another; as many as OpenStack Swift's SLO follows (swift/common/middleware/slo.py). */
export const LINK_DEPTH_MAX = 10

/** Targets that one read looks at before its first byte. Others are met when they are reached. */
const AHEAD_MAX = 1000

/** A read on its way along links. */
export class Following implements Asking {
  readonly #stores: Stores
  readonly asker: Asker
  readonly cipher: Cipher
  /** Links that were followed to come here. */
  readonly depth: number
  /** How many targets the whole read may still look at before it reads them. */
  readonly ahead: { left: number }

  constructor(stores: Stores, asker: Asker, cipher: Cipher, from?: Following) {
    this.#stores = stores
    this.asker = asker
    this.cipher = cipher
    this.depth = from === undefined ? 0 : from.depth + 1
    this.ahead = from?.ahead ?? { left: AHEAD_MAX }
  }

  follow(links: readonly Link[]): SegmentRun[] {
    return links.map((link, index) => {
      const { offset, length } = spanOf(link)
      const within = (span: Span) => ({ offset: offset + span.offset, length: span.length })
      const linked: Linked = {
        check: (span) => checkTarget(this.#stores, this, link, within(span)),
        open: (span) => {
          const open = () => openTarget(this.#stores, this, link, within(span))
          // What is found on the way to it is read anew with it.
          return this.depth === 0 ? readAnew(open) : open()
        },
      }
      return { first: index + 1, count: 1, size: length, linked }
    })
  }
}

function spanOf({ size, range = { offset: 0, length: size } }: Link): Span {
  const { offset, length } = range
  if (offset >= 0 && length >= 0 && offset + length <= size) return range
  throw new CofferError('StoreCorrupt', { what: 'a link goes beyond its target' })
}

type Target = OpenedVersion & { readonly body: ResolvedBody }

/** Throws AccessDenied, KeyRequired, KeyWrong, KeyNotApplicable, LinkBroken, StoreCorrupt. */
async function resolveTarget(stores: Stores, asking: Following, link: Link): Promise<Target> {
  const { asker, cipher, depth } = asking
  if (depth === LINK_DEPTH_MAX) throw new CofferError('LinkBroken', { why: 'depth' })
  const { versionId, ...ref } = link.target
  await authorize(stores, asker, 'getObject', link.target)
  const found = await findTarget(stores, asker, ref, versionId)
  const opened = { ...found, secret: openVersion(found, cipher) }
  try {
    const { md5 } = opened.secret
    const isSame = link.etag === found.row.etag || link.etag === md5?.toString('hex')
    if (!isSame) throw new CofferError('LinkBroken', { why: 'changed' })
    const onward = new Following(stores, asker, cipher, asking)
    const body = await stores.resolve(opened, onward)
    if (body.size !== link.size) throw new CofferError('LinkBroken', { why: 'changed' })
    return { ...opened, body }
  } catch (error) {
    opened.secret.bodyKey.fill(0)
    throw error
  }
}

async function findTarget(
  stores: Stores,
  asker: Asker,
  ref: ObjectRef,
  versionId: string | undefined,
) {
  try {
    return await findVersion(stores, asker, ref, versionId)
  } catch (error) {
    if (!missingCodes.some((code) => isCode(error, code))) throw error
    throw new CofferError('LinkBroken', { why: 'missing' }, error)
  }
}

/** Codes that would speak of the target as if it were the object that was asked for. */
const missingCodes = [
  'ContainerMissing',
  'ObjectMissing',
  'VersionMissing',
  'VersionInvalid',
  'VersionIsMarker',
] as const

async function checkTarget(
  stores: Stores,
  asking: Following,
  link: Link,
  span: Span,
): Promise<void> {
  if (asking.ahead.left <= 0) return
  asking.ahead.left--
  const turn = spend(1)
  if (turn !== undefined) await turn
  const { body, secret } = await resolveTarget(stores, asking, link)
  secret.bodyKey.fill(0)
  for (const slice of sliceSegments(body.segments, span.offset, span.length)) {
    if (asking.ahead.left <= 0) return
    await slice.linked?.check(slice)
  }
}

async function openTarget(stores: Stores, asking: Following, link: Link, span: Span) {
  const { row, secret, body } = await resolveTarget(stores, asking, link)
  const reader = new BodyReader(stores, row.body!, secret.bodyKey, body, span)
  try {
    await reader.prepare()
    return reader
  } catch (error) {
    reader.close()
    throw error
  }
}
