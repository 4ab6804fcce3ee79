// Swift's answer to each code of the service's errors. A code
// without a row does not compile. A row without a text is
// answered with the page of its status (pages.ts).
import type { Code, Details } from '../../lib/errors.ts'
import { METADATA_BYTES_MAX, METADATA_ITEMS_MAX } from '../../lib/service/metadata.ts'
import { lastModified } from './times.ts'

export interface Row {
  readonly status: number
  readonly text?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
  /** True: a request without a valid token is answered 401 instead. */
  readonly denies?: boolean
  /** True: the answer to a GET has no body. */
  readonly silentOnRead?: boolean
}

export type RowOf = Row | ((details: Details) => Row)

/** The content type of a delete marker, in listings and in the answer to a read of one by its id. */
export const DELETE_MARKER_TYPE = 'application/x-deleted;swift_versions_deleted=1'

const row = (status: number, text?: string): Row => ({ status, text })
const bad = (text: string) => row(400, text)
const denied: Row = { status: 403, denies: true }
const unavailable: Row = { status: 503, headers: { 'Retry-After': '1' } }
const internal = row(500)

const HOW_TO_SEND =
  'Send it as X-Object-Encryption-Customer-Algorithm: AES256 and X-Object-Encryption-Customer-Key: base64 of its 32 bytes.'

/**
 * A detail of an error as text, or `otherwise` where it is empty. Only for details without anything that a client
 * sent.
 */
const said = (value: string | number | undefined, otherwise: string) => String(value || otherwise)

export const errorTable = {
  AccessDenied: denied,
  CredentialUnknown: denied,
  LoginDelayed: ({ seconds }) => ({ status: 429, headers: { 'Retry-After': String(seconds) } }),
  UploadsBegunExceeded: row(400),
  // Swift's ratelimit middleware answers 498, after which swiftclient waits and repeats the request.
  UploadsExceeded: { status: 498, headers: { 'Retry-After': '1' } },
  AnswersExceeded: unavailable,
  SignatureMismatch: denied,
  SignatureMalformed: denied,
  SignatureQueryMalformed: denied,
  SignatureExpired: denied,
  SignatureUnsupported: denied,
  HeadersUnsigned: denied,
  DateMissing: denied,
  ClockSkewed: denied,
  BodyTruncated: row(499),
  BodyTooLarge: row(413, 'Your request is too large.'),
  BodyTooSlow: row(408),
  LengthMissing: row(411, 'Missing Content-Length header.'),
  BodyPartial: bad('Content-Range is not supported: an object is written whole.'),
  PayloadHashInvalid: row(400),
  PayloadHashMismatch: row(422),
  ChunkMalformed: row(400),
  ChunkTooSmall: row(400),
  ChunkSignatureMismatch: row(400),
  TrailerMalformed: row(400),
  DigestInvalid: bad('The digest that was sent cannot be read.'),
  DigestMismatch: row(422),
  ChecksumInvalid: bad('The checksum that was sent cannot be read.'),
  ChecksumMismatch: row(422),
  ContainerMissing: row(404),
  ContainerExists: row(409),
  ContainerTaken: row(409),
  ContainerNotEmpty: ({ versions }) =>
    versions ? row(409, 'Delete all versions before deleting container.') : row(409),
  ContainerNameInvalid: bad('Invalid container name'),
  ObjectMissing: ({ versioning }) =>
    versioning ? { status: 404, headers: { 'X-Object-Version-Id': 'null' } } : row(404),
  VersionMissing: row(404),
  VersionInvalid: bad('Invalid version parameter'),
  VersionIsMarker: ({ version }) => ({
    status: 404,
    headers: { 'X-Object-Version-Id': String(version), 'Content-Type': DELETE_MARKER_TYPE },
  }),
  ObjectNameInvalid: row(412, 'Invalid UTF8 or contains NULL'),
  ObjectNameTooLong: ({ size, limit }) =>
    bad(`Object name length of ${size} bytes longer than ${limit}`),
  MetadataTooLarge: ({ limit }) =>
    bad(`Total metadata too large; max ${limit ?? METADATA_BYTES_MAX}`),
  MetadataTooMany: ({ limit }) =>
    bad(`Too many metadata items; max ${limit ?? METADATA_ITEMS_MAX}`),
  NotModified: ({ etag, modifiedMicros, cacheControl, expires }) => ({
    status: 304,
    headers: {
      ...(etag === undefined ? {} : { ETag: String(etag) }),
      ...(modifiedMicros === undefined
        ? {}
        : { 'Last-Modified': lastModified(Number(modifiedMicros)) }),
      ...(cacheControl === undefined ? {} : { 'Cache-Control': String(cacheControl) }),
      ...(expires === undefined ? {} : { Expires: String(expires) }),
    },
  }),
  PreconditionFailed: { status: 412, silentOnRead: true },
  WriteConflict: row(409),
  // As its SLO and symlinks say it (swift/common/middleware/slo.py, symlink.py).
  LinkBroken: row(409),
  RangeUnsatisfiable: ({ size }) => ({
    status: 416,
    headers: { 'Content-Range': `bytes */${size ?? '*'}` },
  }),
  PartNumberUnsatisfiable: row(416),
  ObjectTooLarge: row(413, 'Your request is too large.'),
  CopyToItself: bad('This copy would change nothing.'),
  CopySourceTooLarge: row(413, 'The source of the copy is too large.'),
  CopySourceRangeInvalid: ({ size }) => ({
    status: 416,
    headers: { 'Content-Range': `bytes */${size ?? '*'}` },
  }),
  UploadMissing: row(404),
  PartMissing: row(400),
  PartsUnordered: row(400),
  PartTooSmall: row(400),
  PartsEmpty: row(400),
  UploadSizeMismatch: row(422),
  UploadChecksumMismatch: row(422),
  KeyRequired: bad(`This object is sealed under a customer key. ${HOW_TO_SEND}`),
  KeyWrong: ({ status }) =>
    row(status === 400 ? 400 : 403, 'The customer key that came is not the key of this object.'),
  KeyNotApplicable: bad(
    'A customer key came, but this object is not sealed under one. Send the request without it.',
  ),
  UploadKeyRequired: bad(`This upload was begun with a customer key. ${HOW_TO_SEND}`),
  UploadKeyWrong: bad('The customer key that came is not the key of this upload.'),
  KeyInvalid: ({ message }) =>
    bad(said(message, `The customer key cannot be read. ${HOW_TO_SEND}`)),
  KeyAlgorithmInvalid: bad('The algorithm of a customer key must be AES256.'),
  KeyInsecure: ({ rule }) =>
    bad(
      `Customer keys must come over a secure connection. ${said(rule, 'ssec.tls of this node forbids this one.')}`,
    ),
  StoreFull: unavailable,
  StoreUnavailable: unavailable,
  OutcomeUnknown: unavailable,
  StoreCorrupt: internal,
  NotSupported: ({ what }) => row(501, `This node does not implement ${said(what, 'this')}.`),
  Internal: internal,
} satisfies Record<Code, RowOf>
