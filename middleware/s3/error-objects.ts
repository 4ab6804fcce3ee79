// S3's answers to errors of buckets, objects and copies.
import type { Details } from '../../lib/errors.ts'
import type { ConditionName } from '../../lib/service/types.ts'
import { httpDate } from './answer.ts'
import {
  type Asked,
  badRequest,
  copies,
  notFitting,
  type Row,
  type RowOf,
  row,
} from './error-rows.ts'

const conditionHeaders: Readonly<Record<ConditionName, string>> = {
  ifMatch: 'If-Match',
  ifNoneMatch: 'If-None-Match',
  ifModifiedSinceMicros: 'If-Modified-Since',
  ifUnmodifiedSinceMicros: 'If-Unmodified-Since',
}

/** The name of the header whose condition failed. On a copy it may be a condition on the source. */
function conditionOf(details: Details, { operation, header }: Asked): string {
  const name = conditionHeaders[details.condition as ConditionName] ?? String(details.condition)
  const source = `x-amz-copy-source-${name}`
  const ofSource = copies(operation) && header(source.toLowerCase()) !== undefined
  return ofSource ? source : name
}

/** The headers of caching that a 304 carries, as a 200 would have carried them (RFC 9110 §15.4.5). */
function freshness(details: Details, { parameter }: Asked): Record<string, string> {
  const cacheControl = parameter('response-cache-control') ?? details.cacheControl
  const expires = parameter('response-expires') ?? details.expires
  return {
    ...(cacheControl !== undefined && { 'Cache-Control': String(cacheControl) }),
    ...(expires !== undefined && { Expires: String(expires) }),
  }
}

const markerHeaders = (version: string | number | undefined) => ({
  'x-amz-delete-marker': 'true',
  'x-amz-version-id': String(version),
})

/** The row of a copy's range behind the source's end. AWS has one answer for its beginning and one for its end. */
function copyRange(size: string | number | undefined, header: Asked['header']): Row {
  const range = header('x-amz-copy-source-range')
  const first = /^bytes=(\d+)-/.exec(range ?? '')?.[1]
  if (first !== undefined && Number(first) >= Number(size)) {
    return badRequest('The specified copy range is invalid for the source object size')
  }
  return notFitting(
    'x-amz-copy-source-range',
    range,
    `Range specified is not valid for source object of size: ${size}`,
  )
}

const versionMissing = (details: Details, { key }: Asked) =>
  row(404, 'NoSuchVersion', 'The specified version does not exist.', {
    Key: details.object ?? key,
    VersionId: details.version,
  })

export const objectErrors = {
  ContainerMissing: (details, { bucket }) =>
    row(404, 'NoSuchBucket', 'The specified bucket does not exist', {
      BucketName: details.container ?? bucket,
    }),
  ContainerExists: (details, { bucket }) =>
    row(
      409,
      'BucketAlreadyOwnedByYou',
      'Your previous request to create the named bucket succeeded and you already own it.',
      { BucketName: details.container ?? bucket },
    ),
  ContainerTaken: (details, { bucket }) =>
    row(
      409,
      'BucketAlreadyExists',
      'The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.',
      { BucketName: details.container ?? bucket },
    ),
  ContainerNotEmpty: ({ container, versions }, { bucket }) =>
    row(
      409,
      'BucketNotEmpty',
      versions === undefined
        ? 'The bucket you tried to delete is not empty'
        : 'The bucket you tried to delete is not empty. You must delete all versions in the bucket.',
      { BucketName: container ?? bucket },
    ),
  ContainerNameInvalid: (details, { bucket }) =>
    row(400, 'InvalidBucketName', 'The specified bucket is not valid.', {
      BucketName: details.container ?? bucket,
    }),
  ObjectMissing: (details, { key, operation }) => {
    const missing = row(404, 'NoSuchKey', 'The specified key does not exist.', {
      Key: details.object ?? key,
    })
    if (!operation.startsWith('Get') && operation !== 'HeadObject') return missing
    if (details.marker !== undefined) {
      return { ...missing, headers: markerHeaders(details.marker) }
    }
    if (operation !== 'GetObject' && operation !== 'HeadObject') return missing
    // s3-tests expect the header; AWS sends none where the current version is no delete marker.
    return { ...missing, headers: { 'x-amz-delete-marker': 'false' } }
  },
  VersionMissing: versionMissing,
  // AWS answers an id of wrong form and an unknown id differently, on all operations but this one.
  VersionInvalid: (details, asked) =>
    asked.operation === 'GetObjectAttributes'
      ? versionMissing(details, asked)
      : notFitting('versionId', details.version, 'Invalid version id specified'),
  VersionIsMarker: ({ version, timeMicros }, { method, operation }) =>
    copies(operation)
      ? badRequest(
          'The source of a copy request may not specifically refer to a delete marker by version id.',
        )
      : {
          ...row(
            405,
            'MethodNotAllowed',
            'The specified method is not allowed against this resource.',
            { Method: method, ResourceType: 'DeleteMarker' },
          ),
          headers: {
            ...markerHeaders(version),
            Allow: 'DELETE',
            'Last-Modified': httpDate(Number(timeMicros)),
          },
        },
  ObjectNameInvalid: row(400, 'InvalidURI', "Couldn't parse the specified URI."),
  ObjectNameTooLong: ({ size, limit }) =>
    row(400, 'KeyTooLongError', 'Your key is too long', { Size: size, MaxSizeAllowed: limit }),
  MetadataTooLarge: ({ size, limit }) =>
    row(400, 'MetadataTooLarge', 'Your metadata headers exceed the maximum allowed metadata size', {
      Size: size,
      MaxSizeAllowed: limit,
    }),
  // S3 has no limit of items. A copy through S3 of an object that Swift wrote may meet Swift's.
  MetadataTooMany: ({ count, limit }) =>
    row(400, 'MetadataTooLarge', 'Your metadata headers exceed the maximum allowed metadata size', {
      Count: count,
      MaxCountAllowed: limit,
    }),
  NotModified: (details, asked) => ({
    ...row(304, 'NotModified', 'Not Modified'),
    headers: {
      ETag: `"${details.etag ?? ''}"`,
      'Last-Modified': httpDate(Number(details.modifiedMicros ?? 0)),
      ...freshness(details, asked),
    },
  }),
  PreconditionFailed: (details, asked) =>
    row(
      412,
      'PreconditionFailed',
      'At least one of the pre-conditions you specified did not hold',
      { Condition: conditionOf(details, asked) },
    ),
  WriteConflict: (_details, { key, header }) =>
    row(
      409,
      'ConditionalRequestConflict',
      'The conditional request cannot succeed due to a conflicting operation against this resource.',
      { Condition: header('if-match') === undefined ? 'If-None-Match' : 'If-Match', Key: key },
    ),
  LinkBroken: row(
    409,
    'InvalidObjectState',
    'A part of this object is kept in another object, which is gone, has changed, or is not yours to read.',
  ),
  RangeUnsatisfiable: ({ size, range }) => ({
    ...row(416, 'InvalidRange', 'The requested range is not satisfiable', {
      ActualObjectSize: size,
      RangeRequested: range,
    }),
    headers: { 'Content-Range': `bytes */${size ?? '*'}` },
  }),
  PartNumberUnsatisfiable: ({ part, parts }) =>
    row(416, 'InvalidPartNumber', 'The requested partnumber is not satisfiable', {
      ActualPartCount: parts,
      PartNumberRequested: part,
    }),
  ObjectTooLarge: ({ size, limit }) =>
    row(400, 'EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size', {
      ProposedSize: size,
      MaxSizeAllowed: limit,
    }),
  CopyToItself: badRequest(
    "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
  ),
  CopySourceTooLarge: ({ limit }) =>
    badRequest(
      `The specified copy source is larger than the maximum allowable size for a copy source: ${limit}`,
    ),
  CopySourceRangeInvalid: ({ size }, { header }) => copyRange(size, header),
} satisfies Record<string, RowOf>
