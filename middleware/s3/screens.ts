// Headers that ask for what this node does not do are refused, never ignored. Each screen looks at one
// family; operations.ts says which ones an operation passes.

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

/** 501 for the first header of the family that is there and not empty. */
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
  /** Appending, which only directory buckets know. */
  append: (ctx: Context) => refuse(ctx, 'x-amz-write-offset-bytes'),
  /** SSE-S3 is what happens anyway; there is no KMS. */
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
  /** Reads say nothing about how an object is sealed. */
  noEncryption(_ctx: Context, header: Header) {
    const method = header(ENCRYPTION)
    if (method === undefined) return
    throw invalidArgument(
      `${ENCRYPTION} header is not supported for this operation.`,
      ENCRYPTION,
      method,
    )
  },
  /** Deletes: nothing is locked, so there is nothing to bypass. */
  deletion(_ctx: Context, header: Header) {
    if (header('x-amz-bypass-governance-retention') !== undefined) {
      throw invalidArgument(
        'x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.',
        'x-amz-bypass-governance-retention',
      )
    }
  },
  /** What CreateBucket can set up besides. */
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

/** Passes the request through the screens. Throws S3Error: NotImplemented with Header, or what fits. */
export function screen(ctx: Context, wanted: readonly Screen[]): void {
  const header = headerOf(ctx)
  for (const name of wanted) screens[name](ctx, header)
}
