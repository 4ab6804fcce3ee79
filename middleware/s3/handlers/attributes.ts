// GetObjectAttributes: what HeadObject shows, and the parts, as one document.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html
import type { PartInfo, VersionInfo } from '../../../lib/service/types.ts'
import { httpDate, sendXml, setVersion } from '../answer.ts'
import { checksumElement } from '../checksums.ts'
import type { Context } from '../context.ts'
import { headerOf, versionIdOf, wholeNumber } from '../headers.ts'
import { INTEGER_MAX, PAGE_ENTRIES_MAX } from '../limits.ts'
import { invalidArgument } from '../s3-error.ts'
import { objectOf } from '../scope.ts'
import { node as element, type Fragment, leaf, root } from '../xml-writer.ts'
import type { Handler } from './handler.ts'
import { partMarkerOf } from './parts.ts'

const HEADER = 'x-amz-object-attributes'
const attributes = ['ETag', 'Checksum', 'ObjectParts', 'StorageClass', 'ObjectSize']

/** The attributes that the request names. Throws S3Error InvalidArgument for none and for one that is unknown. */
function wantedAttributes(ctx: Context): ReadonlySet<string> {
  const value = headerOf(ctx)(HEADER) ?? ''
  const wanted = value.split(',').map((name) => name.trim())
  if (value.trim() !== '' && wanted.every((name) => attributes.includes(name))) {
    return new Set(wanted)
  }
  throw invalidArgument('Invalid attribute name specified.', HEADER, value)
}

interface PartsPage {
  readonly info: VersionInfo
  readonly parts: readonly PartInfo[]
  readonly truncated: boolean
  readonly afterPart: number
  readonly limit: number
}

function checksumOf({ checksum }: VersionInfo): Fragment | undefined {
  if (checksum === null) return undefined
  return element('Checksum', checksumElement(checksum), leaf('ChecksumType', checksum.type))
}

/**
 * The parts as an element, undefined for an object that was not uploaded in parts. Parts without checksums are
 * listed.
 */
function partsOf({ info, parts, truncated, afterPart, limit }: PartsPage): Fragment | undefined {
  if (info.parts === 0) return undefined
  const shown = ({ part, size, checksum }: PartInfo) =>
    element('Part', leaf('PartNumber', part), leaf('Size', size), checksumElement(checksum))
  return element(
    'ObjectParts',
    leaf('PartsCount', info.parts),
    leaf('PartNumberMarker', afterPart),
    leaf('NextPartNumberMarker', parts.at(-1)?.part ?? 0),
    leaf('MaxParts', limit),
    leaf('IsTruncated', truncated),
    ...parts.map(shown),
  )
}

export const getObjectAttributes: Handler = async (ctx, node) => {
  const header = headerOf(ctx)
  const wanted = wantedAttributes(ctx)
  const limit = wholeNumber('x-amz-max-parts', header('x-amz-max-parts'), {
    min: 1,
    max: INTEGER_MAX,
    message: `Argument x-amz-max-parts must be an integer between 1 and ${INTEGER_MAX}`,
  })
  const page = {
    afterPart: partMarkerOf('x-amz-part-number-marker', header('x-amz-part-number-marker')),
    limit: Math.min(limit ?? PAGE_ENTRIES_MAX, PAGE_ENTRIES_MAX),
  }
  const found = await node.service.listObjectParts(ctx.state.asker, await objectOf(ctx, node), {
    versionId: versionIdOf(ctx.state.s3.query),
    cipher: ctx.state.cipher,
    ...page,
  })
  const { info } = found
  ctx.set('Last-Modified', httpDate(info.timeMicros))
  setVersion(ctx, info)
  const elements: Readonly<Record<string, Fragment | undefined>> = {
    ETag: leaf('ETag', info.etag),
    Checksum: checksumOf(info),
    ObjectParts: partsOf({ ...found, ...page }),
    StorageClass: leaf('StorageClass', 'STANDARD'),
    ObjectSize: leaf('ObjectSize', info.size),
  }
  const shown = attributes.filter((name) => wanted.has(name)).map((name) => elements[name])
  sendXml(ctx, root('GetObjectAttributesResponse', ...shown.filter((part) => part !== undefined)))
}
