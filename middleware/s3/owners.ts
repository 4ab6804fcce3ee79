// Owners, initiators and the one ACL there is.
import type { Node } from '../state.ts'
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

/** What an access control policy says of a private bucket or object. */
export function privateAcl(node: Node, account: string): Fragment {
  const grant = element(
    'Grant',
    grantee(...identify(node, account)),
    leaf('Permission', 'FULL_CONTROL'),
  )
  return all([ownerElement(node, account), element('AccessControlList', grant)])
}
