// Listings of a bucket's objects: both versions of ListObjects.
import type { ListedObject, Listing } from '../../../lib/service/types.ts'
import { writeInTurns } from '../../../lib/turns.ts'
import type { Node } from '../../node.ts'
import { quoted, sendXml } from '../answer.ts'
import { checksumKind } from '../checksums.ts'
import type { Context } from '../context.ts'
import { wholeNumber } from '../headers.ts'
import { INTEGER_MAX, PAGE_ENTRIES_MAX } from '../limits.ts'
import { ownerElement } from '../owners.ts'
import { invalidArgument } from '../s3-error.ts'
import { bucketOf } from '../scope.ts'
import { readToken, writeToken } from '../tokens.ts'
import { node as element, type Fragment, isoTime, leaf, root } from '../xml-writer.ts'
import type { Handler } from './handler.ts'

export type Encode = (text: string) => string

/**
 * The encoding of names in a listing: none, or percent-encoding where the query has `encoding-type=url`. Clients whose
 * XML parser does not take every character of a key send it. Throws S3Error InvalidArgument for another encoding.
 */
export function encoderOf(query: ReadonlyMap<string, string>): Encode {
  const type = query.get('encoding-type')
  if (type === undefined || type === '') return (text) => text
  if (type === 'url') return (text) => encodeURIComponent(text).replaceAll('%2F', '/')
  throw invalidArgument('Invalid Encoding Method specified in Request', 'encoding-type', type)
}

/** The most entries that the page may have, by the parameter `name` of the query. Throws S3Error InvalidArgument. */
export function pageLimit(query: ReadonlyMap<string, string>, name: string, min: number): number {
  const limit = wholeNumber(name, query.get(name) || undefined, {
    min,
    max: INTEGER_MAX,
    message: `Argument ${name} must be an integer between ${min} and ${INTEGER_MAX}`,
  })
  return Math.min(limit ?? PAGE_ENTRIES_MAX, PAGE_ENTRIES_MAX)
}

interface EchoedPage {
  readonly listing: { readonly truncated: boolean }
  readonly limit: number
  readonly encode: Encode
}

interface Page extends EchoedPage {
  readonly account: string
  readonly listing: Listing
}

async function readPage(ctx: Context, node: Node, after: string | undefined): Promise<Page> {
  const { query } = ctx.state.s3
  const encode = encoderOf(query)
  const limit = pageLimit(query, 'max-keys', 0)
  const ref = await bucketOf(ctx, node)
  const listing = await node.service.list(ctx.state.asker, ref, {
    prefix: query.get('prefix'),
    delimiter: query.get('delimiter') || undefined,
    after,
    limit,
  })
  return { account: ref.account, listing, limit, encode }
}

/** An element with a text in the page's encoding; no element where the text is undefined. */
export const named = (name: string, text: string | undefined, encode: Encode) =>
  leaf(name, text === undefined ? undefined : encode(text))

function contentOf(entry: ListedObject, encode: Encode, owner: Fragment | ''): Fragment {
  return element(
    'Contents',
    leaf('Key', encode(entry.object)),
    leaf('LastModified', isoTime(entry.timeMicros)),
    leaf('ETag', quoted(entry.etag)),
    ...checksumKind(entry.checksum),
    leaf('Size', entry.size),
    owner as Fragment,
    leaf('StorageClass', 'STANDARD'),
  )
}

/** The elements of a page: objects first, then common prefixes, as S3's documents order them. */
export async function entriesOf<T>(
  listing: { readonly entries: readonly (T | string)[] },
  encode: Encode,
  show: (entry: T) => Fragment,
): Promise<Fragment[]> {
  const prefixes = listing.entries.filter((entry) => typeof entry === 'string')
  const objects = listing.entries.filter((entry): entry is T => typeof entry !== 'string')
  const showPrefix = (prefix: string) => element('CommonPrefixes', leaf('Prefix', encode(prefix)))
  return [...(await writeInTurns(objects, show)), ...(await writeInTurns(prefixes, showPrefix))]
}

/** The elements that repeat the request's parameters, in every document of a page. */
export function echo(
  ctx: Context,
  { encode, limit, listing }: EchoedPage,
  plainPrefix = false,
): Fragment[] {
  const { bucket, query } = ctx.state.s3
  const prefix = query.get('prefix') ?? ''
  return [
    leaf('Name', bucket),
    leaf('Prefix', plainPrefix ? prefix : encode(prefix)),
    leaf('MaxKeys', limit),
    named('Delimiter', query.get('delimiter') || undefined, encode),
    leaf('EncodingType', query.get('encoding-type') || undefined),
    leaf('IsTruncated', listing.truncated),
  ]
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjects.html */
export const listObjects: Handler = async (ctx, node) => {
  const { query } = ctx.state.s3
  const marker = query.get('marker') ?? ''
  const page = await readPage(ctx, node, marker)
  const { listing, encode } = page
  const owner = ownerElement(node, page.account)
  // AWS sends NextMarker only with a delimiter. Without one the client goes on behind the last key of the page.
  const next = query.get('delimiter') ? listing.next : undefined
  sendXml(
    ctx,
    root(
      'ListBucketResult',
      // botocore decodes every name of this document but Prefix, which is therefore not encoded.
      ...echo(ctx, page, true),
      named('Marker', marker, encode),
      named('NextMarker', next, encode),
      ...(await entriesOf(listing, encode, (entry) => contentOf(entry, encode, owner))),
    ),
  )
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html */
export const listObjectsV2: Handler = async (ctx, node) => {
  const { query } = ctx.state.s3
  const token = query.get('continuation-token')
  const startAfter = query.get('start-after')
  const page = await readPage(ctx, node, readToken(token) ?? startAfter)
  const { listing, encode } = page
  const owner = query.get('fetch-owner') === 'true' ? ownerElement(node, page.account) : ''
  sendXml(
    ctx,
    root(
      'ListBucketResult',
      ...echo(ctx, page),
      leaf('KeyCount', listing.entries.length),
      leaf('ContinuationToken', token),
      leaf(
        'NextContinuationToken',
        listing.next === undefined ? undefined : writeToken(listing.next),
      ),
      named('StartAfter', startAfter, encode),
      ...(await entriesOf(listing, encode, (entry) => contentOf(entry, encode, owner))),
    ),
  )
}
