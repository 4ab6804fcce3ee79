// Headers for features that are not built are refused, never ignored. Each screen checks one family of headers;
// operations.ts names the screens of each operation.

import { namesOwnAcl } from './acl.ts'
import type { Context } from './context.ts'
import { type Header, headerNames, headerOf } from './headers.ts'
import { headerNotImplemented, invalidArgument, S3Error } from './s3-error.ts'

export type Screen = keyof typeof screens

const ENCRYPTION = 'x-amz-server-side-encryption'

const storageClasses = [
  'REDUCED_REDUNDANCY',
  'STANDARD_IA',
  'ONEZONE_IA',
  'INTELLIGENT_TIERING',
  'GLACIER',
  'GLACIER_IR',
  'DEEP_ARCHIVE',
  'SNOW',
  'EXPRESS_ONEZONE',
]

/** Throws 501 for the first header with one of the prefixes that is not empty. */
function refuse(ctx: Context, ...prefixes: readonly string[]): void {
  const header = headerOf(ctx)
  for (const prefix of prefixes) {
    const name = headerNames(ctx, prefix).find((found) => header(found) !== '')
    if (name !== undefined) throw headerNotImplemented(name)
  }
}

const screens = {
  /** Canned ACLs and grants. */
  acl: (ctx: Context, header: Header) => void namesOwnAcl(ctx, header),
  storageClass(_ctx: Context, header: Header) {
    const wanted = header('x-amz-storage-class')
    if (wanted === undefined || wanted === 'STANDARD') return
    if (storageClasses.includes(wanted)) throw headerNotImplemented('x-amz-storage-class')
    throw new S3Error(400, 'InvalidStorageClass', 'The storage class you specified is not valid', {
      StorageClassRequested: wanted,
    })
  },
  tagging: (ctx: Context) => refuse(ctx, 'x-amz-tagging'),
  /** Retention and legal hold of an object. */
  lock: (ctx: Context) => refuse(ctx, 'x-amz-object-lock-'),
  redirect: (ctx: Context) => refuse(ctx, 'x-amz-website-redirect-location'),
  /** Appending, a feature of directory buckets. */
  append: (ctx: Context) => refuse(ctx, 'x-amz-write-offset-bytes'),
  /** SSE-S3 is accepted, because every body is sealed by the root key without it too. KMS is refused. */
  encryption(_ctx: Context, header: Header) {
    const method = header(ENCRYPTION)
    const keyId = header(`${ENCRYPTION}-aws-kms-key-id`)
    if (method === 'aws:kms' || method === 'aws:kms:dsse') {
      if (keyId === undefined) throw headerNotImplemented(ENCRYPTION, 'This node has no KMS')
      throw new S3Error(400, 'KMS.NotFoundException', `Invalid keyId '${keyId}'`)
    }
    if (method !== undefined && method !== 'AES256') {
      throw invalidArgument('The encryption method specified is not supported', ENCRYPTION, method)
    }
    for (const name of ['aws-kms-key-id', 'context']) {
      if (header(`${ENCRYPTION}-${name}`) === undefined) continue
      throw invalidArgument(
        `Server Side Encryption with AWS KMS managed key requires HTTP header ${ENCRYPTION} : aws:kms`,
        `${ENCRYPTION}-${name}`,
      )
    }
    if (header(`${ENCRYPTION}-bucket-key-enabled`)?.toLowerCase() === 'true') {
      throw headerNotImplemented(`${ENCRYPTION}-bucket-key-enabled`)
    }
  },
  /** A read must not name an encryption. */
  noEncryption(_ctx: Context, header: Header) {
    const method = header(ENCRYPTION)
    if (method === undefined) return
    throw invalidArgument(
      `${ENCRYPTION} header is not supported for this operation.`,
      ENCRYPTION,
      method,
    )
  },
  /** A delete's header that bypasses an object's lock: no bucket has locks. */
  deletion(_ctx: Context, header: Header) {
    if (header('x-amz-bypass-governance-retention') !== undefined) {
      throw invalidArgument(
        'x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.',
        'x-amz-bypass-governance-retention',
      )
    }
  },
  /** What CreateBucket can set up beyond an ACL. */
  bucket(_ctx: Context, header: Header) {
    if (header('x-amz-bucket-object-lock-enabled')?.toLowerCase() === 'true') {
      throw headerNotImplemented('x-amz-bucket-object-lock-enabled')
    }
    const ownership = header('x-amz-object-ownership')
    if (ownership === undefined || ownership === 'BucketOwnerEnforced') return
    if (ownership === 'BucketOwnerPreferred' || ownership === 'ObjectWriter') {
      throw headerNotImplemented('x-amz-object-ownership')
    }
    throw invalidArgument(
      `Invalid x-amz-object-ownership header: ${ownership}`,
      'x-amz-object-ownership',
    )
  },
} as const

/** Passes the request through the screens. Throws the S3Error of the first that refuses it, mostly NotImplemented. */
export function screen(ctx: Context, wanted: readonly Screen[]): void {
  const header = headerOf(ctx)
  for (const name of wanted) screens[name](ctx, header)
}
