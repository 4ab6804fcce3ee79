// The ETag that Swift's clients see. They compare an ETag with the content's MD5. Where it is no MD5, quotes and the
// mark of a large object keep them from comparing (D-ETAG).
import type { VersionInfo } from '../../lib/service/types.ts'

type Tagged = Pick<VersionInfo, 'etag' | 'md5' | 'parts' | 'sealing' | 'manifest' | 'isGathered'>

/** Takes off one pair of quotes. Swift: swift/common/swob.py, normalize_etag. */
export const unquote = (etag: string) => /^"(.*)"$/s.exec(etag)?.[1] ?? etag

/**
 * True where the ETag that is shown is no MD5 of the content: for manifests and multipart objects, and for objects under
 * a customer key unless that key came and the MD5 is sealed with it.
 */
export const isMarked = ({ md5, parts, sealing, manifest }: Tagged) =>
  parts > 0 || manifest !== undefined || (sealing === 'customer' && md5 === undefined)

/** The ETag of what is made of others, which the service gives with their number behind it. */
export const manifestEtag = (etag: string) => etag.replace(/-\d+$/, '')

/** The ETag as a header: an MD5 of the content without quotes, any other text in quotes. */
export function shownEtag(info: Tagged): string {
  if (info.manifest !== undefined || info.isGathered)
    return `"${info.md5 ?? manifestEtag(info.etag)}"`
  return isMarked(info) ? `"${info.etag}"` : (info.md5 ?? info.etag)
}
