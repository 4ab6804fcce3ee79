// Keys of the catalog's rows: UTF-8 text with `/` after account and container, neither of which may contain
// one. The keys are part of the stored format (docs/format.md §5).

/** The least text that sorts, by UTF-8 bytes, after every text that begins with `prefix`; undefined where
 * `prefix` is nothing but U+10FFFF, because there is none. */
export function successorOf(prefix: string): string | undefined {
  const points = Array.from(prefix, (char) => char.codePointAt(0)!)
  while (points.length > 0) {
    const last = points.pop()!
    if (last === 0x10ffff) continue
    points.push(last === 0xd7ff ? 0xe000 : last + 1)
    return String.fromCodePoint(...points)
  }
  return undefined
}

/** End of the range of keys that begin with `prefix`, which is not empty and no run of U+10FFFF. */
export const endOf = (prefix: string) => successorOf(prefix)!

/** Compares keys by their UTF-8 bytes. JavaScript's own order differs from that beyond the BMP. */
export const compareKeys = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))

/** True where `key`, below `prefix`, ends with the first delimiter in it, and so names a common prefix. A
 * listing that goes on behind such a key must skip all keys below it. */
export function isFolded(key: string, prefix: string, delimiter: string | undefined): boolean {
  if (delimiter === undefined || delimiter === '') return false
  if (!key.startsWith(prefix)) return false
  const at = key.indexOf(delimiter, prefix.length)
  return at !== -1 && at + delimiter.length === key.length
}

/** Where a range of keys below `prefix` goes on behind `key`; never before the range. */
export function startBehind(key: string, prefix: string): string {
  const behind = `${key}\u0000`
  return compareKeys(behind, prefix) < 0 ? prefix : behind
}

// An object's name may hold any character. Where an id follows the name, U+0000 in it becomes U+0000 U+0002,
// and U+0000 U+0001 ends the name. Escaped names sort as the names themselves do.
const END = '\u0000\u0001'
export const escapeName = (name: string) =>
  name.includes('\u0000') ? name.replaceAll('\u0000', '\u0000\u0002') : name
export const unescapeName = (name: string) =>
  name.includes('\u0000') ? name.replaceAll('\u0000\u0002', '\u0000') : name

export const containerPrefix = (account: string) => `container/${account}/`
/** Rows of objects with a visible current version. Listings of objects read no others. */
export const objectPrefix = (account: string, container: string) =>
  `object/${account}/${container}/`
export const versionPrefix = (account: string, container: string, object?: string) =>
  object === undefined
    ? `version/${account}/${container}/`
    : `version/${account}/${container}/${escapeName(object)}${END}`
/** Uploads of an account, or of all accounts. */
export const uploadsPrefix = (account?: string) =>
  account === undefined ? 'upload/' : `upload/${account}/`
export const uploadPrefix = (account: string, container: string, object?: string) =>
  object === undefined
    ? `upload/${account}/${container}/`
    : `upload/${account}/${container}/${escapeName(object)}${END}`
/** What a container is set to, one row a kind. */
export const settingPrefix = (account: string, container: string) =>
  `setting/${account}/${container}/`
export const expiryPrefix = 'expiry/'
export const segmentPrefix = (body: string) => `segment/${body}/`
/** Rows of work that must follow a commit, and may be done later in slices. */
export const queuePrefix = 'queue/'

/** The key of each kind of row. (Secret keys are the business of lib/crypto.) */
export const rowKeys = {
  account: (account: string) => `account/${account}`,
  accountUsage: (account: string) => `account-usage/${account}`,
  container: (account: string, container: string) => `container/${account}/${container}`,
  containerUsage: (account: string, container: string) => `container-usage/${account}/${container}`,
  setting: (account: string, container: string, kind: string) =>
    settingPrefix(account, container) + kind,
  /** The node-wide index of S3 bucket names: the account that had the name first. */
  bucket: (container: string) => `bucket/${container}`,
  object: (account: string, container: string, object: string) =>
    `object/${account}/${container}/${object}`,
  /** Rows of objects that have versions, but no visible current one. */
  hidden: (account: string, container: string, object: string) =>
    `hidden/${account}/${container}/${object}`,
  version: (account: string, container: string, object: string, id: string) =>
    versionPrefix(account, container, object) + id,
  upload: (account: string, container: string, object: string, id: string) =>
    uploadPrefix(account, container, object) + id,
  /** A counter row that every upload of a part raises, so that Complete conflicts with a part stored
   * meanwhile. */
  uploadParts: (id: string) => `upload-parts/${id}`,
  /** The id that a user's tokens must carry, once the user has logged out. */
  logout: (account: string, user: string) => `logout/${account}/${user}`,
  /** One row for each current version that expires in that second. */
  expiry: (deleteAtSeconds: number, versionId: string) =>
    `${expiryPrefix}${String(deleteAtSeconds).padStart(10, '0')}/${versionId}`,
  /** A counter row: how many versions reference a body. At 0 the body never comes back. */
  body: (body: string) => `body/${body}`,
  /** Sizes of a body's segments, where it has more than one. */
  layout: (body: string) => `layout/${body}`,
  segment: (body: string, part: number) => segmentPrefix(body) + String(part).padStart(5, '0'),
  blob: (blob: string, piece: number) => `blob/${blob}/${piece.toString(16).padStart(8, '0')}`,
  /** A counter row: live bytes and blobs of a volume. */
  volumeUsage: (volume: string) => `volume-usage/${volume}`,
  /** One row for each blob in a volume, so that reclaim need not read the whole catalog. */
  volume: (volume: string, blob: string) => `volume/${volume}/${blob}`,
  /** `place` numbers the pieces of work of one commit, from 0. */
  queue: (commitId: string, place = 0) =>
    place === 0 ? `${queuePrefix}${commitId}` : `${queuePrefix}${commitId}/${place}`,
}

/** Splits the part of a key behind `versionPrefix(a, c)` or `uploadPrefix(a, c)` into name and id. */
export function splitNameAndId(rest: string): { name: string; id: string } {
  const end = rest.lastIndexOf(END)
  return { name: unescapeName(rest.slice(0, end)), id: rest.slice(end + END.length) }
}

/** The object and upload that a whole key of an upload names. */
export function splitUploadKey(key: string) {
  const [, account, container] = key.split('/', 3) as [string, string, string]
  const { name, id } = splitNameAndId(key.slice(uploadPrefix(account, container).length))
  return { ref: { account, container, object: name }, uploadId: id }
}
