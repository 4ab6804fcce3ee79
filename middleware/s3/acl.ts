// What a client may send of an ACL. Every bucket is BucketOwnerEnforced: there is one ACL, which gives the owner
// everything. A request for that ACL changes nothing. A request for any other is refused as AWS refuses it.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
import type { Context } from './context.ts'
import type { ReadDocument } from './documents.ts'
import { type Header, headerNames, headerOf } from './headers.ts'
import { invalidArgument, invalidRequest, S3Error } from './s3-error.ts'
import type { Document, Shape } from './xml.ts'

/** Canned ACLs that mean the owner's ACL. */
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

/** AWS's refusal of an ACL on CreateBucket. */
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

const granteeFields = ['ID', 'DisplayName', 'EmailAddress', 'URI'].map((name) => `Grantee/${name}`)

/**
 * Grants in one ACL.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html
 */
const GRANTS_MAX = 100

interface Grant {
  readonly id: string | undefined
  readonly permission: string
}

const policyShape: Shape<Grant> = {
  root: 'AccessControlPolicy',
  fields: ['Owner/ID', 'Owner/DisplayName'],
  rows: {
    name: 'AccessControlList/Grant',
    countMax: GRANTS_MAX,
    fields: [...granteeFields, 'Permission'],
    read(fields) {
      const permission = fields.get('Permission')?.trim()
      if (permission === undefined || !granteeFields.some((name) => fields.has(name))) {
        throw malformedAcl()
      }
      return { id: fields.get('Grantee/ID')?.trim(), permission }
    },
  },
}

/** True where an access control policy gives `ownerId` everything and nobody else anything. Throws S3Error
 * MalformedACLError for one without an owner. */
function isOwnersPolicy({ fields, rows }: Document<Grant>, ownerId: string): boolean {
  const owner = fields.get('Owner/ID')
  if (owner === undefined) throw malformedAcl()
  return (
    owner.trim() === ownerId &&
    rows.length > 0 &&
    rows.every(({ id, permission }) => id === ownerId && permission === 'FULL_CONTROL')
  )
}

/**
 * The policy in the request's body, undefined for a request without a body. Throws S3Error MalformedACLError, and
 * what the body's source throws.
 */
async function readPolicy(read: ReadDocument) {
  try {
    return await read(policyShape)
  } catch (error) {
    throw error instanceof S3Error && error.code === 'MalformedXML' ? malformedAcl() : error
  }
}

/**
 * The check of PutBucketAcl and PutObjectAcl: the request names the owner's ACL, by header or by document. Throws
 * S3Error: MissingSecurityHeader where it names none, UnexpectedContent where it has both a header and a document,
 * MalformedACLError, and what `namesOwnAcl` throws.
 */
export async function requireOwnAcl(
  ctx: Context,
  read: ReadDocument,
  ownerId: string,
): Promise<void> {
  const named = namesOwnAcl(ctx, headerOf(ctx))
  const policy = await readPolicy(read)
  if (named && policy !== undefined) {
    throw new S3Error(400, 'UnexpectedContent', 'This request does not support content')
  }
  if (named) return
  if (policy === undefined) {
    const message = 'Your request was missing a required header'
    throw new S3Error(400, 'MissingSecurityHeader', message, { MissingHeaderName: 'x-amz-acl' })
  }
  if (!isOwnersPolicy(policy, ownerId)) throw aclsDisabled()
}
