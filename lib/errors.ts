// The error of the service: a closed list of codes in the words of storage, without HTTP. Each dialect has a
// table `satisfies Record<Code, …>`, so that a code without a row does not compile.

/** Every reason for which the service, a store, a key or a signature can refuse a request. */
export const codes = [
  // the caller
  'AccessDenied', // a known or anonymous caller without the right
  'CredentialUnknown', // no such access key
  'LoginDelayed', // too many logins were denied; details: seconds (to wait)
  'UploadsBegunExceeded', // the caller has begun too many multipart uploads; details: limit
  'UploadsExceeded', // the caller has too many uploads under way; details: limit
  'AnswersExceeded', // no memory for the answer: too many bytes are on their way to clients
  'SignatureMismatch', // details: stringToSign, canonicalRequest, accessKey, signature
  'SignatureMalformed', // Authorization header cannot be read; details: message, region?
  'SignatureQueryMalformed', // presigned query cannot be read; details: message
  'SignatureExpired', // a presigned URL that is over; details: expires, serverTime (ISO dates)
  'SignatureUnsupported', // an unknown signature scheme
  'HeadersUnsigned', // details: headers (comma separated names)
  'DateMissing', // neither x-amz-date nor Date
  'ClockSkewed', // details: requestTime, serverTime
  // the request's body
  'BodyTruncated', // fewer bytes than announced, or the client hung up
  'BodyTooLarge', // details: size?, limit
  'BodyTooSlow', // no byte, or too few, for longer than the limit
  'LengthMissing',
  'BodyPartial', // a piece of an object came, and a write takes a whole one
  'PayloadHashInvalid', // x-amz-content-sha256 is none of the known values
  'PayloadHashMismatch', // details: claimed, computed
  'ChunkMalformed', // aws-chunked framing
  'ChunkTooSmall', // a signed chunk, not the last, below 8192 bytes
  'ChunkSignatureMismatch',
  'TrailerMalformed',
  'DigestInvalid', // Content-MD5 is no base64 of 16 bytes; details: value
  'DigestMismatch', // Content-MD5; details: expected, computed (base64)
  'ChecksumInvalid', // details: message
  'ChecksumMismatch', // details: algorithm
  // accounts and containers
  'ContainerMissing', // details: container
  'ContainerExists', // the caller's own; details: container
  'ContainerTaken', // another account's; details: container
  'ContainerNotEmpty', // details: container, versions? (there are no objects, but so many versions)
  'ContainerNameInvalid', // details: container
  // objects and versions
  'ObjectMissing', // details: object, marker? (id of a delete marker that is current), versioning?
  'VersionMissing', // details: object, version
  'VersionInvalid', // not the form of a version id; details: version
  'VersionIsMarker', // a delete marker was addressed by id; details: object, version, timeMicros
  'ObjectNameInvalid', // empty or not UTF-8
  'ObjectNameTooLong', // details: size, limit
  'MetadataTooLarge', // details: size, limit
  'MetadataTooMany', // details: count, limit
  'NotModified', // details: etag, modifiedMicros, cacheControl?, expires?
  'PreconditionFailed', // details: condition (header-neutral name, see conditions.ts)
  'WriteConflict', // a conditional write met another one
  'LinkBroken', // what an object's bytes come from is gone, another, not for the asker, or too far; details: why (missing, changed, denied, depth, many)
  'RangeUnsatisfiable', // details: size, range
  'PartNumberUnsatisfiable', // details: part, parts
  'ObjectTooLarge', // details: size, limit
  'CopyToItself', // the copy would change nothing
  'CopySourceTooLarge', // details: limit
  'CopySourceRangeInvalid', // details: size
  // multipart uploads
  'UploadMissing', // details: upload
  'PartMissing', // named by Complete, and absent or with another ETag; details: part, etag, upload
  'PartsUnordered', // details: upload
  'PartTooSmall', // details: part, etag, size, limit
  'PartsEmpty', // Complete names none
  'UploadSizeMismatch', // details: claimed, computed
  'UploadChecksumMismatch', // details: message
  // customer keys
  'KeyRequired', // the object is sealed under a customer key, and the request has none
  'KeyWrong', // a well-formed key that is not the object's
  'KeyNotApplicable', // the request has a key, and the object is under none
  'UploadKeyRequired', // part without the upload's key, or with one where the upload has none
  'UploadKeyWrong', // part with another key than the upload's
  'KeyInvalid', // malformed trio; details: message, value?
  'KeyAlgorithmInvalid', // details: value
  'KeyInsecure', // the key came over a transport that ssec.tls does not allow; details: rule
  // the store
  'StoreFull', // the write would touch the reserve
  'StoreUnavailable', // try again: the store is away, reopened or draining; nothing was done
  'OutcomeUnknown', // the store failed while it wrote: the change may have been done or not
  'StoreCorrupt', // checksum or tag of stored bytes is wrong
  'NotSupported', // not built; details: what
  'Internal',
] as const

export type Code = (typeof codes)[number]

export type Details = Readonly<Record<string, string | number | undefined>>

/** The error of all of `lib/`, which a dialect renders. `details` never holds a key or a token. */
export class CofferError extends Error {
  readonly code: Code
  readonly details: Details

  constructor(code: Code, details: Details = {}, cause?: unknown) {
    super(code, cause === undefined ? undefined : { cause })
    this.name = 'CofferError'
    this.code = code
    this.details = details
  }
}

/** True when `error` is a CofferError of that code. */
export function isCode(error: unknown, code: Code): error is CofferError {
  return error instanceof CofferError && error.code === code
}

/** True where a store cannot be used now, so that further work on it would fail too. */
export const isUnavailable = (error: unknown): error is CofferError =>
  isCode(error, 'StoreUnavailable') || isCode(error, 'OutcomeUnknown')
