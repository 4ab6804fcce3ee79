// S3's answers where the caller or the request's body is refused.
import { SIGNED_CHUNK_BYTES_MIN } from '../../lib/auth/sigv4-chunks.ts'
import type { Details } from '../../lib/errors.ts'
import { badRequest, denied, notFitting, type RowOf, row, text } from './error-rows.ts'

const signature = (details: Details) =>
  row(
    403,
    'SignatureDoesNotMatch',
    'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
    {
      AWSAccessKeyId: details.accessKey,
      StringToSign: details.stringToSign,
      SignatureProvided: details.signature,
      StringToSignBytes: hexBytes(details.stringToSign),
      CanonicalRequest: details.canonicalRequest,
      CanonicalRequestBytes: hexBytes(details.canonicalRequest),
    },
  )

/** The bytes of a text in hex. AWS shows what it signed in both forms, so that invisible differences can be seen. */
function hexBytes(value: string | number | undefined): string | undefined {
  if (value === undefined) return undefined
  return Buffer.from(String(value))
    .toString('hex')
    .replace(/..(?!$)/g, '$& ')
}

const incomplete = row(
  400,
  'IncompleteBody',
  'You did not provide the number of bytes specified by the Content-Length HTTP header',
)

const slowDown = row(503, 'SlowDown', 'Please reduce your request rate.')

export const requestErrors = {
  AccessDenied: ({ message }) => denied(text(message, 'Access Denied')),
  CredentialUnknown: ({ accessKey }) =>
    row(
      403,
      'InvalidAccessKeyId',
      'The AWS Access Key Id you provided does not exist in our records.',
      { AWSAccessKeyId: accessKey },
    ),
  // https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html: SlowDown is 503.
  LoginDelayed: ({ seconds }) => ({ ...slowDown, headers: { 'Retry-After': String(seconds) } }),
  // AWS has no such limit. A 503 would make clients repeat the request for a minute and then hide the reason.
  UploadsBegunExceeded: ({ limit }) =>
    badRequest(
      `You have begun ${limit} multipart uploads that are neither completed nor aborted. Complete or abort some of them first.`,
    ),
  UploadsExceeded: { ...slowDown, headers: { 'Retry-After': '1' } },
  AnswersExceeded: { ...slowDown, headers: { 'Retry-After': '1' } },
  SignatureMismatch: signature,
  SignatureMalformed: ({ message, region }) =>
    row(
      400,
      'AuthorizationHeaderMalformed',
      text(message, 'The authorization header is malformed.'),
      { Region: region },
    ),
  SignatureQueryMalformed: ({ message }) =>
    row(
      400,
      'AuthorizationQueryParametersError',
      text(message, 'Query-string authentication parameters are malformed.'),
    ),
  SignatureExpired: ({ expires, serverTime }) =>
    denied('Request has expired', { Expires: expires, ServerTime: serverTime }),
  SignatureUnsupported: ({ message }) =>
    notFitting('Authorization', undefined, text(message, 'Unsupported Authorization Type')),
  HeadersUnsigned: ({ headers }) =>
    denied('There were headers present in the request which were not signed', {
      HeadersNotSigned: headers,
    }),
  DateMissing: denied('AWS authentication requires a valid Date or x-amz-date header'),
  ClockSkewed: ({ requestTime, serverTime }) =>
    row(
      403,
      'RequestTimeTooSkewed',
      'The difference between the request time and the current time is too large.',
      { RequestTime: requestTime, ServerTime: serverTime, MaxAllowedSkewMilliseconds: 900_000 },
    ),
  BodyTruncated: incomplete,
  BodyTooLarge: ({ size, limit }) =>
    row(400, 'EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size', {
      ProposedSize: size,
      MaxSizeAllowed: limit,
    }),
  BodyTooSlow: row(
    400,
    'RequestTimeout',
    'Your socket connection to the server was not read from or written to within the timeout period. Idle connections will be closed.',
  ),
  LengthMissing: row(
    411,
    'MissingContentLength',
    'You must provide the Content-Length HTTP header.',
  ),
  BodyPartial: badRequest(
    'Content-Range is not supported: an object is written whole, or in the parts of a multipart upload',
  ),
  PayloadHashInvalid: ({ message }) =>
    badRequest(text(message, 'The value of x-amz-content-sha256 is invalid.')),
  PayloadHashMismatch: ({ claimed, computed }) =>
    row(
      400,
      'XAmzContentSHA256Mismatch',
      "The provided 'x-amz-content-sha256' header does not match what was computed.",
      { ClientComputedContentSHA256: claimed, S3ComputedContentSHA256: computed },
    ),
  // AWS gives no other reason for a body whose chunks it cannot read.
  // https://github.com/versity/versitygw/issues/1666
  ChunkMalformed: incomplete,
  ChunkTooSmall: row(
    403,
    'InvalidChunkSizeError',
    `Only the last chunk is allowed to have a size less than ${SIGNED_CHUNK_BYTES_MIN} bytes`,
  ),
  ChunkSignatureMismatch: signature,
  TrailerMalformed: row(
    400,
    'MalformedTrailerError',
    'The request contained trailing data that was not well-formed or did not conform to our published schema.',
  ),
  DigestInvalid: ({ value }) =>
    row(400, 'InvalidDigest', 'The Content-MD5 you specified was invalid.', {
      'Content-MD5': value,
    }),
  DigestMismatch: ({ expected, computed }) =>
    row(400, 'BadDigest', 'The Content-MD5 you specified did not match what we received.', {
      // AWS sends the expected digest in base64 and the calculated one in hex.
      CalculatedDigest: computed,
      ExpectedDigest: Buffer.from(String(expected ?? ''), 'base64').toString('hex'),
    }),
  ChecksumInvalid: ({ message }) =>
    badRequest(text(message, 'Value for x-amz-checksum- header is invalid.')),
  ChecksumMismatch: ({ algorithm }) =>
    row(
      400,
      'BadDigest',
      `The ${text(algorithm, 'checksum').toUpperCase()} you specified did not match the calculated checksum.`,
    ),
} satisfies Record<string, RowOf>
