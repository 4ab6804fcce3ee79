// S3's answer to each code of the service's errors: status, code, message and further elements, as AWS has them. A code
// without a row does not compile.
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
import type { Code, Details } from '../../lib/errors.ts'
import { objectErrors } from './error-objects.ts'
import { requestErrors } from './error-requests.ts'
import {
  type Asked,
  badRequest,
  copies,
  denied,
  internal,
  notFitting,
  type Row,
  type RowOf,
  row,
  text,
} from './error-rows.ts'

const SSE = 'x-amz-server-side-encryption'

/** The value if it is short, else undefined: a longer one might be a key in the wrong place. */
const shown = (value: string | number | undefined) =>
  value === undefined || String(value).length > 32 ? 'null' : value

function wrongKey(details: Details, { operation }: Asked): Row {
  const message =
    'Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key.'
  if (copies(operation)) return badRequest(message)
  return details.status === 400 ? badRequest(message) : denied(message)
}

const unavailable: Row = {
  ...row(503, 'ServiceUnavailable', 'Service is unable to handle request. Please try again.'),
  headers: { 'Retry-After': '1' },
}

export const errorTable = {
  ...requestErrors,
  ...objectErrors,
  UploadMissing: ({ upload }) =>
    row(
      404,
      'NoSuchUpload',
      'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.',
      { UploadId: upload },
    ),
  PartMissing: ({ part, etag, upload }) =>
    row(
      400,
      'InvalidPart',
      "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
      { ETag: etag, PartNumber: part, UploadId: upload },
    ),
  PartsUnordered: ({ upload }) =>
    row(
      400,
      'InvalidPartOrder',
      'The list of parts was not in ascending order. Parts must be ordered by part number.',
      { UploadId: upload },
    ),
  PartTooSmall: ({ part, etag, size, limit }) =>
    row(400, 'EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size', {
      ETag: etag,
      MinSizeAllowed: limit,
      PartNumber: part,
      ProposedSize: size,
    }),
  PartsEmpty: badRequest('You must specify at least one part'),
  UploadSizeMismatch: ({ claimed, computed }) =>
    badRequest(
      `The provided 'x-amz-mp-object-size' header value ${claimed} does not match what was computed: ${computed}`,
    ),
  UploadChecksumMismatch: ({ message }) =>
    row(
      400,
      'BadDigest',
      text(message, 'The checksum you specified did not match what we received.'),
    ),
  KeyRequired: badRequest(
    'The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.',
  ),
  KeyWrong: wrongKey,
  KeyNotApplicable: badRequest('The encryption parameters are not applicable to this object.'),
  UploadKeyRequired: badRequest(
    'The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate encryption parameters.',
  ),
  UploadKeyWrong: badRequest(
    'The provided encryption parameters did not match the ones used originally.',
  ),
  KeyInvalid: ({ message, value }) =>
    notFitting(SSE, shown(value), text(message, 'The secret key was invalid.')),
  KeyAlgorithmInvalid: ({ value }) =>
    row(
      400,
      'InvalidEncryptionAlgorithmError',
      'The Encryption request you specified is not valid. Supported value: AES256.',
      { ArgumentName: SSE, ArgumentValue: shown(value) },
    ),
  KeyInsecure: ({ rule }) =>
    row(
      400,
      'InvalidArgument',
      'Requests specifying Server Side Encryption with Customer provided keys must be made over a secure connection.',
      { ArgumentName: SSE, ArgumentValue: 'null', additionalMessage: rule },
    ),
  StoreFull: row(507, 'InsufficientStorage', 'This node has no space left for the request.'),
  StoreUnavailable: unavailable,
  OutcomeUnknown: unavailable,
  StoreCorrupt: internal,
  NotSupported: ({ what }) =>
    row(
      501,
      'NotImplemented',
      'A header you provided implies functionality that is not implemented',
      { additionalMessage: what },
    ),
  Internal: internal,
} satisfies Record<Code, RowOf>

/** The answer to an error with that code and those details, for this request. */
export function rowOf(code: Code, details: Details, asked: Asked): Row {
  const found: RowOf = errorTable[code]
  return typeof found === 'function' ? found(details, asked) : found
}
