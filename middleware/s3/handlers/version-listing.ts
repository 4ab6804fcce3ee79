// ListObjectVersions: every version and delete marker, by name and then newest first.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html
import type { ListedVersion } from '../../../lib/service/types.ts'
import { quoted, sendXml } from '../answer.ts'
import { checksumKind } from '../checksums.ts'
import { ownerElement } from '../owners.ts'
import { invalidArgument } from '../s3-error.ts'
import { bucketOf } from '../scope.ts'
import { node as element, type Fragment, isoTime, leaf, root } from '../xml-writer.ts'
import type { Handler } from './handler.ts'
import { type Encode, echo, encoderOf, entriesOf, named, pageLimit } from './listings.ts'

interface Markers {
  readonly afterObject: string | undefined
  readonly afterVersion: string | undefined
}

/** The key and version behind which the page begins. Throws S3Error InvalidArgument for a version without a key. */
function markersOf(query: ReadonlyMap<string, string>): Markers {
  const afterObject = query.get('key-marker') || undefined
  const afterVersion = query.get('version-id-marker') || undefined
  if (afterVersion === undefined || afterObject !== undefined) return { afterObject, afterVersion }
  throw invalidArgument(
    'A version-id marker cannot be specified without a key marker.',
    'version-id-marker',
    afterVersion,
  )
}

function entryElement(entry: ListedVersion, encode: Encode, owner: Fragment): Fragment {
  const shown = [
    leaf('Key', encode(entry.object)),
    leaf('VersionId', entry.versionId),
    leaf('IsLatest', entry.isLatest),
    leaf('LastModified', isoTime(entry.timeMicros)),
  ]
  if (entry.isMarker) return element('DeleteMarker', ...shown, owner)
  return element(
    'Version',
    ...shown,
    leaf('ETag', quoted(entry.etag)),
    ...checksumKind(entry.checksum),
    leaf('Size', entry.size),
    owner,
    leaf('StorageClass', 'STANDARD'),
  )
}

export const listObjectVersions: Handler = async (ctx, node) => {
  const { query } = ctx.state.s3
  const encode = encoderOf(query)
  const limit = pageLimit(query, 'max-keys', 0)
  const markers = markersOf(query)
  const ref = await bucketOf(ctx, node)
  const listing = await node.service.listVersions(ctx.state.asker, ref, {
    prefix: query.get('prefix'),
    delimiter: query.get('delimiter') || undefined,
    ...markers,
    limit,
  })
  const owner = ownerElement(node, ref.account)
  sendXml(
    ctx,
    root(
      'ListVersionsResult',
      ...echo(ctx, { listing, limit, encode }),
      named('KeyMarker', markers.afterObject ?? '', encode),
      leaf('VersionIdMarker', markers.afterVersion ?? ''),
      named('NextKeyMarker', listing.next?.object, encode),
      leaf('NextVersionIdMarker', listing.next?.versionId),
      ...(await entriesOf(listing, encode, (entry) => entryElement(entry, encode, owner))),
    ),
  )
}
