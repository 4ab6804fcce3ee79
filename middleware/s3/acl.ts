// What a client may say of an ACL. Every bucket is BucketOwnerEnforced: there is one ACL, which gives the owner
// everything. Asking for that one changes nothing, and asking for another is refused as AWS does.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
import type { Context } from '../state.ts'
import { type Header, headerNames, headerOf } from './headers.ts'
import { invalidArgument, invalidRequest, S3Error } from './s3-error.ts'
import { type Element, parseXml } from './xml.ts'

/** They mean the owner's ACL. */
const accepted = ['private', 'bucket-owner-full-control']
const canned = [
  ...accepted,
  'public-read',
  'public-read-write',
  'authenticated-read',
  'aws-exec-read',
  'bucket-owner-read',
  'log-delivery-write',
]

export const aclsDisabled = () =>
  new S3Error(400, 'AccessControlListNotSupported', 'The bucket does not allow ACLs')

/** What AWS says where the bucket is about to be created. */
const aclAtCreation = () =>
  new S3Error(
    400,
    'InvalidBucketAclWithObjectOwnership',
    "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
  )

/**
 * True where headers name the owner's ACL, false where they name none. Throws S3Error: InvalidRequest for a canned
 * ACL beside grants, InvalidArgument for an unknown one, AccessControlListNotSupported for all that opens
 * something to others (InvalidBucketAclWithObjectOwnership on CreateBucket).
 */
export function namesOwnAcl(ctx: Context, header: Header): boolean {
  const acl = header('x-amz-acl')
  const grants = headerNames(ctx, 'x-amz-grant-')
  if (acl !== undefined && grants.length > 0) {
    throw invalidRequest('Specifying both Canned ACLs and Header Grants is not allowed')
  }
  if (acl !== undefined && !canned.includes(acl)) {
    throw invalidArgument('The canned ACL is not known.', 'x-amz-acl', acl)
  }
  const opens =
    acl === undefined ? grants.some((name) => header(name) !== '') : !accepted.includes(acl)
  if (opens) throw ctx.state.operation === 'CreateBucket' ? aclAtCreation() : aclsDisabled()
  return acl !== undefined
}

const malformedAcl = () =>
  new S3Error(
    400,
    'MalformedACLError',
    'The XML you provided was not well-formed or did not validate against our published schema',
  )

/** The one child of that name. Throws MalformedACLError where there is none, or several. */
function childOf(parent: Element, name: string): Element {
  const [child, ...more] = parent.children.filter((one) => one.name === name)
  if (child === undefined || more.length > 0) throw malformedAcl()
  return child
}

function readPolicy(document: Buffer): Element {
  try {
    return parseXml(document)
  } catch (error) {
    throw error instanceof S3Error ? malformedAcl() : error
  }
}

/** True where an access control policy gives `ownerId` everything and nobody else anything. Throws
 * S3Error MalformedACLError. */
function isOwnersPolicy(document: Buffer, ownerId: string): boolean {
  const root = readPolicy(document)
  if (root.name !== 'AccessControlPolicy') throw malformedAcl()
  const idOf = (parent: Element) => parent.children.find(({ name }) => name === 'ID')?.text.trim()
  const grants = childOf(root, 'AccessControlList').children.map((grant) => {
    if (grant.name !== 'Grant') throw malformedAcl()
    const grantee = childOf(grant, 'Grantee')
    return { id: idOf(grantee), permission: childOf(grant, 'Permission').text.trim() }
  })
  const isOwners = ({ id, permission }: (typeof grants)[number]) =>
    id === ownerId && permission === 'FULL_CONTROL'
  return idOf(childOf(root, 'Owner')) === ownerId && grants.length > 0 && grants.every(isOwners)
}

/**
 * For PutBucketAcl and PutObjectAcl: returns where the owner's ACL is asked for, by header or document. Throws
 * S3Error: MissingSecurityHeader for neither, UnexpectedContent for both, and as `namesOwnAcl` and
 * MalformedACLError.
 */
export function requireOwnAcl(ctx: Context, document: Buffer, ownerId: string): void {
  const named = namesOwnAcl(ctx, headerOf(ctx))
  if (named && document.length > 0) {
    throw new S3Error(400, 'UnexpectedContent', 'This request does not support content')
  }
  if (named) return
  if (document.length === 0) {
    const message = 'Your request was missing a required header'
    throw new S3Error(400, 'MissingSecurityHeader', message, { MissingHeaderName: 'x-amz-acl' })
  }
  if (!isOwnersPolicy(document, ownerId)) throw aclsDisabled()
}
