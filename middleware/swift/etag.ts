// Which ETag Swift's clients see. They take it for the content's MD5 and compare; where it is none, the
// mark of a large object, and quotes, keep them from it (D-ETAG).
import type { VersionInfo } from '../../lib/service/types.ts'

type Tagged = Pick<VersionInfo, 'etag' | 'md5' | 'parts' | 'sealing'>

/** Takes off one pair of quotes. Swift: swift/common/swob.py, normalize_etag. */
export const unquote = (etag: string) => /^"(.*)"$/s.exec(etag)?.[1] ?? etag

/** True where the ETag that is shown is no MD5 of the content: multipart objects, and what a customer key
 * seals unless that key came and the MD5 is known. */
export const isMarked = ({ md5, parts, sealing }: Tagged) =>
  parts > 0 || (sealing === 'customer' && md5 === undefined)

/** The ETag as a header: bare where it is an MD5, else quoted. */
export const shownEtag = (info: Tagged) =>
  isMarked(info) ? `"${info.etag}"` : (info.md5 ?? info.etag)
