// Owners, initiators, and what S3 shows of the others who may read.
import { parseAcl, referrerAllowed } from '../../lib/auth/acl.ts'
import type { ContainerInfo } from '../../lib/service/types.ts'
import type { Node } from '../node.ts'
import { all, node as element, type Fragment, grantee, leaf } from './xml-writer.ts'

function identify(node: Node, account: string): readonly Fragment[] {
  const { canonicalId, displayName } = node.users.owner(account)
  return [leaf('ID', canonicalId), leaf('DisplayName', displayName)]
}

/** `<Owner>`: the account that holds a bucket owns all in it. */
export function ownerElement(node: Node, account: string): Fragment {
  return element('Owner', ...identify(node, account))
}

/** `<Initiator>`: the account of the user (`account:user`) that began an upload. */
export function initiatorElement(node: Node, writer: string): Fragment {
  return element('Initiator', ...identify(node, writer.split(':', 1)[0]!))
}

const EVERYBODY = 'http://acs.amazonaws.com/groups/global/AllUsers'

const grantOf = (who: Fragment, permission: 'FULL_CONTROL' | 'READ') =>
  element('Grant', who, leaf('Permission', permission))

/**
 * The access control policy of a bucket, or of an object in it: the owner's rights, and a right of all to read where
 * the container's read list opens it to all. Reading a bucket means listing it. Other entries of Swift's lists cannot
 * be written as grants of S3: they are not shown, and stay in force.
 */
export function aclElements(node: Node, info: ContainerInfo, of: 'bucket' | 'object'): Fragment {
  const { account, acl } = info
  const { referrers, listings } = parseAcl(acl.read)
  const isPublic = referrerAllowed(undefined, referrers) && (of === 'object' || listings)
  const grants = [grantOf(grantee('CanonicalUser', ...identify(node, account)), 'FULL_CONTROL')]
  if (isPublic) grants.push(grantOf(grantee('Group', leaf('URI', EVERYBODY)), 'READ'))
  return all([ownerElement(node, account), element('AccessControlList', ...grants)])
}
