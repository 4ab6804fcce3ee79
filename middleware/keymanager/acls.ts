// Access lists of secrets and containers in Barbican's API v1: for reading, which is the one operation that they know.

import type { SecretAcl } from '../../lib/catalog/identity-rows.ts'
import { compile } from '../../lib/document.ts'
import { mergeAcl } from '../../lib/keymanager/acls.ts'
import { changeContainer, findContainer } from '../../lib/keymanager/containers.ts'
import type { Keep } from '../../lib/keymanager/keep.ts'
import { changeSecret, findSecret } from '../../lib/keymanager/secrets.ts'
import { readJson } from '../rest/read-body.ts'
import { type RoutedContext, sayJson } from '../rest/route.ts'
import { callerOf } from './caller.ts'
import { refOf, timeOf } from './refs.ts'
import { type AclBody, aclSchema } from './schemas.ts'

const isAcl = compile(aclSchema)

type Handler = (ctx: RoutedContext, keep: Keep) => Promise<void>

const collections = { secrets: findSecret, containers: findContainer } as const
export type Shared = keyof typeof collections

const changes = { secrets: changeSecret, containers: changeContainer } as const

const aclView = (acl: SecretAcl | null) =>
  acl === null
    ? { read: { 'project-access': true } }
    : {
        read: {
          created: timeOf(acl.createdMicros),
          updated: timeOf(acl.updatedMicros),
          'project-access': acl.projectAccess,
          users: acl.users,
        },
      }

/** The list is shown to whoever may change it. */
export const showAcl =
  (collection: Shared): Handler =>
  async (ctx, keep) => {
    const { row } = await collections[collection](keep, callerOf(ctx), ctx.params.id!, 'share')
    sayJson(ctx, 200, aclView(row.acl))
  }

/** Sets the list; `replaces` what was set before, where it is a PUT. */
export const setAcl =
  (collection: Shared, replaces: boolean): Handler =>
  async (ctx, keep) => {
    const { read } = await readJson<AclBody>(ctx, isAcl)
    const patch = {
      ...(read.users !== undefined && { users: read.users }),
      ...(read['project-access'] !== undefined && { projectAccess: read['project-access'] }),
    }
    await changes[collection](keep, callerOf(ctx), ctx.params.id!, 'share', ({ acl }) => ({
      acl: mergeAcl(acl, patch, replaces),
    }))
    sayJson(ctx, 200, { acl_ref: `${refOf(ctx, collection, ctx.params.id!)}/acl` })
  }

export const dropAcl =
  (collection: Shared): Handler =>
  async (ctx, keep) => {
    await changes[collection](keep, callerOf(ctx), ctx.params.id!, 'share', () => ({ acl: null }))
    ctx.status = 200
    ctx.body = ''
  }
