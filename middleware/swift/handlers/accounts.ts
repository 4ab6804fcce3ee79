// Accounts: what they hold, their settings, their list of containers. An account's row is made by the first write to
// it. Accounts are managed in users.yaml, never through this API.
// https://docs.openstack.org/api-ref/object-store/#accounts
import { AclInvalid, formatAccountAcl, parseAccountAcl } from '../../../lib/auth/acl.ts'
import { nowMicros } from '../../../lib/names.ts'
import type { AccountAcl, AccountInfo, ListedContainer } from '../../../lib/service/types.ts'
import type { Node } from '../../node.ts'
import { chooseFormat } from '../accept.ts'
import { sendEmpty } from '../answer.ts'
import type { Context } from '../context.ts'
import { sendListing } from '../formats/listing.ts'
import { headerOf } from '../headers.ts'
import { pageOf } from '../listing-parameters.ts'
import { readMetadata, writeMetadata } from '../metadata.ts'
import { allowOf } from '../methods.ts'
import { policyName } from '../policies.ts'
import { SwiftError } from '../swift-error.ts'
import { isoMicros, swiftTime } from '../times.ts'
import type { Handler } from './handler.ts'

/**
 * Sets the headers of an account. One to which nothing was written is shown empty, as with Swift's
 * account_autocreate.
 */
function setAccountHeaders(ctx: Context, node: Node, info: AccountInfo): void {
  const counts = {
    'Container-Count': info.containers,
    'Object-Count': info.objects,
    'Bytes-Used': info.bytes,
  }
  for (const [name, count] of Object.entries(counts)) {
    ctx.set(`X-Account-${name}`, String(count))
    if (info.createdMicros === undefined) continue
    ctx.set(`X-Account-Storage-Policy-${policyName(node.config)}-${name}`, String(count))
  }
  ctx.set('X-Timestamp', swiftTime(info.createdMicros ?? nowMicros()))
  ctx.set('Accept-Ranges', 'bytes')
  writeMetadata(ctx, 'account', info.metadata)
  if (info.acl !== null) ctx.set('X-Account-Access-Control', formatAccountAcl(info.acl))
}

/** Chooses the format of a listing by query and Accept, and sets Vary where Accept may change it. */
export function negotiate(ctx: Context) {
  const { query } = ctx.state.swift
  const chosen = chooseFormat(query.get('format'), headerOf(ctx, 'accept'))
  if (!query.has('format')) ctx.set('Vary', 'Accept')
  return chosen
}

/** 204, or 200 for an account that has no row yet. Swift: swift/proxy/controllers/account.py. */
export const headAccount: Handler = async (ctx, node) => {
  const { contentType } = negotiate(ctx)
  const info = await node.service.headAccount(ctx.state.asker, ctx.state.swift.account!)
  setAccountHeaders(ctx, node, info)
  sendEmpty(ctx, info.createdMicros === undefined ? 200 : 204, contentType)
}

const entryOf = (entry: ListedContainer | string) =>
  typeof entry === 'string'
    ? { subdir: entry }
    : {
        name: entry.container,
        count: entry.objects,
        bytes: entry.bytes,
        last_modified: isoMicros(entry.modifiedMicros),
      }

export const getAccount: Handler = async (ctx, node) => {
  const { asker, swift } = ctx.state
  const chosen = negotiate(ctx)
  const page = pageOf(swift.query)
  const [info, listing] = await Promise.all([
    node.service.headAccount(asker, swift.account!),
    node.service.listContainers(asker, swift.account!, page),
  ])
  setAccountHeaders(ctx, node, info)
  const listed = { level: 'account', name: swift.accountName! } as const
  await sendListing(ctx, chosen, listed, listing.entries, entryOf)
}

const isEmpty = (acl: AccountAcl) =>
  acl.admin.length + acl.readWrite.length + acl.readOnly.length === 0

/** The ACL that a request sets: undefined without the header, null where it clears the ACL. Throws SwiftError 400. */
function readAcl(ctx: Context): AccountAcl | null | undefined {
  const json = headerOf(ctx, 'x-account-access-control')
  if (json === undefined) return undefined
  try {
    const acl = parseAccountAcl(json)
    return isEmpty(acl) ? null : acl
  } catch (error) {
    if (!(error instanceof AclInvalid)) throw error
    throw new SwiftError(400, `X-Account-Access-Control invalid: ${error.message}`)
  }
}

export const postAccount: Handler = async (ctx, node) => {
  const metadata = readMetadata(ctx, 'account')
  const acl = readAcl(ctx)
  await node.service.updateAccount(ctx.state.asker, ctx.state.swift.account!, {
    metadata,
    ...(acl === undefined ? {} : { acl }),
  })
  sendEmpty(ctx, 204)
}

/** Refuses PUT and DELETE of an account, as a Swift whose management of accounts is off. */
export const manageAccount: Handler = async (ctx, node) => {
  const { asker, swift } = ctx.state
  await node.service.authorize(asker, 'manageAccount', { account: swift.account! })
  // A DELETE with a query is a bulk delete that was typed wrong, and not a deletion of the account.
  if (ctx.method === 'DELETE' && swift.query.size > 0) throw new SwiftError(400)
  throw new SwiftError(405, undefined, { Allow: allowOf('account') })
}
