// Takes the three headers of a customer key out of a request, as one spelling has them.
import type { IncomingMessage } from 'node:http'
import type { CofferError } from '../../lib/errors.ts'
import { blankHeader } from '../http/blank-header.ts'
import { invalidKey, type KeyFields } from './sent-key.ts'

/** Names of the three headers of a spelling, in lower case. */
export interface Spelling {
  readonly algorithm: string
  readonly key: string
  readonly md5: string
}

/** The spelling whose three names begin alike. */
export const spelling = (prefix: string): Spelling => ({
  algorithm: `${prefix}algorithm`,
  key: `${prefix}key`,
  md5: `${prefix}key-md5`,
})

/** S3's trio for a request's own key and for that of a copy's source: Swift requests may send it too. */
export const amz = {
  own: spelling('x-amz-server-side-encryption-customer-'),
  source: spelling('x-amz-copy-source-server-side-encryption-customer-'),
}

/** Takes a spelling's headers away; null: none was sent. One that came more than once is added to `faults`: which of two
 * a proxy or a client meant, nobody can know. */
export function takeFields(
  req: IncomingMessage,
  names: Spelling,
  faults: CofferError[],
): KeyFields | null {
  let sent = false
  const take = (name: string) => {
    const value = req.headers[name]
    if (value === undefined) return undefined
    sent = true
    delete req.headers[name]
    if (blankHeader(req, name) > 1) {
      faults.push(invalidKey(`The header ${name} must not come twice.`))
    }
    return Array.isArray(value) ? value.join(', ') : value
  }
  const fields = { algorithm: take(names.algorithm), key: take(names.key), md5: take(names.md5) }
  return sent ? fields : null
}
