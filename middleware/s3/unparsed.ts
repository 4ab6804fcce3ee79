// S3's answers to messages that Node's parser could not read: error documents that name no resource.
import { randomHex } from '../../lib/names.ts'
import type { Unparsed } from '../http/unparsed.ts'

const answers: Record<string, { status: number; code: string; message: string }> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    code: 'RequestHeaderSectionTooLarge',
    message: 'Your request header section exceeds the maximum allowed request header section size.',
  },
  TARGET_OVERFLOW: {
    status: 414,
    code: 'RequestURITooLong',
    message: 'Your request line is longer than this node takes.',
  },
  HPE_INVALID_METHOD: {
    status: 501,
    code: 'NotImplemented',
    message: 'The method that you used is not implemented by this node.',
  },
  HPE_INVALID_VERSION: {
    status: 505,
    code: 'HTTPVersionNotSupported',
    message: 'This node speaks HTTP/1.1.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 400,
    code: 'RequestTimeout',
    message:
      'Your socket connection to the server was not read from or written to within the timeout period. Idle connections will be closed.',
  },
}

const otherwise = {
  status: 400,
  code: 'BadRequest',
  message: 'An error occurred when parsing the HTTP request.',
}

/** The whole answer, head and document. `reason` is the code of Node's error. */
export function renderUnparsed(reason: string): Unparsed {
  const { status, code, message } = answers[reason] ?? otherwise
  const id = randomHex(8).toUpperCase()
  return {
    status,
    headers: { 'x-amz-request-id': id, 'Content-Type': 'application/xml' },
    body: `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message><RequestId>${id}</RequestId></Error>`,
  }
}
