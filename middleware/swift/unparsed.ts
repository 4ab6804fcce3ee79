// Swift's answers to messages that Node's parser could not read.
import { isUtf8 } from 'node:buffer'
import type { Unparsed } from '../http/unparsed.ts'
import { allowOf } from './methods.ts'
import { pageOf } from './pages.ts'
import { transactionId } from './transaction-id.ts'

const texts: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: 'Header Line Too Long',
  HPE_INVALID_CONTENT_LENGTH: 'Invalid Content-Length header',
  HPE_INVALID_TRANSFER_ENCODING:
    'Transfer-Encoding must be chunked, and comes without Content-Length',
  HPE_INVALID_URL: 'The path must be percent-encoded',
}

function textOf(
  reason: string,
  path: Buffer | undefined,
): readonly [status: number, text?: string] {
  if (reason === 'HPE_INVALID_METHOD') return [405]
  if (reason === 'TARGET_OVERFLOW') return [414, 'The request line is longer than this node takes.']
  if (reason === 'HPE_INVALID_VERSION') return [505, 'This node speaks HTTP/1.1.']
  const isName = path === undefined || (isUtf8(path) && !path.includes(0))
  if (reason === 'HPE_INVALID_URL' && !isName) return [412, 'Invalid UTF8 or contains NULL']
  return [400, texts[reason]]
}

/** The whole answer, head and page. `reason` is the code of Node's error. */
export function renderUnparsed(reason: string, path: Buffer | undefined): Unparsed {
  const [status, text] = textOf(reason, path)
  const id = transactionId('')
  return {
    status,
    headers: {
      'X-Trans-Id': id,
      'X-Openstack-Request-Id': id,
      'Content-Type': `text/${text === undefined ? 'html' : 'plain'}; charset=UTF-8`,
      ...(status === 405 && { Allow: allowOf('object') }),
    },
    body: text ?? pageOf(status),
  }
}
