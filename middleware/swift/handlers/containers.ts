// Containers: create, describe, change, delete, and the lists of others who may use them.
// https://docs.openstack.org/api-ref/object-store/#containers
import { AclInvalid, cleanAcl } from '../../../lib/auth/acl.ts'
import type {
  ContainerAcl,
  ContainerInfo,
  ContainerRef,
  ContainerSettings,
} from '../../../lib/service/types.ts'
import { setStored } from '../../http/stored-header.ts'
import type { Node } from '../../node.ts'
import { sendEmpty } from '../answer.ts'
import type { Context } from '../context.ts'
import { headerOf, isTrue } from '../headers.ts'
import { readMetadata, writeMetadata } from '../metadata.ts'
import { policyName, requirePolicy } from '../policies.ts'
import { SwiftError } from '../swift-error.ts'
import { lastModified, swiftTime } from '../times.ts'
import { negotiate } from './accounts.ts'
import type { Handler } from './handler.ts'

/** The container in the request's path. */
export function containerOf({ state }: Context): ContainerRef {
  const { account, container } = state.swift
  return { account: account!, container: container! }
}

function readAcl(ctx: Context, kind: 'read' | 'write'): string | undefined {
  const list = headerOf(ctx, `x-container-${kind}`)
  if (list === undefined) {
    return headerOf(ctx, `x-remove-container-${kind}`) === undefined ? undefined : ''
  }
  try {
    return cleanAcl(list, kind)
  } catch (error) {
    if (!(error instanceof AclInvalid)) throw error
    throw new SwiftError(400, error.message)
  }
}

/** The lists that a request replaces. Lists in a request of a caller who is no owner are ignored, as in Swift. */
async function readAcls(ctx: Context, node: Node): Promise<Partial<ContainerAcl> | undefined> {
  const read = readAcl(ctx, 'read')
  const write = readAcl(ctx, 'write')
  if (read === undefined && write === undefined) return undefined
  const ref = containerOf(ctx)
  if (!(await node.service.isAllowed(ctx.state.asker, 'setContainerAcl', ref))) return undefined
  return { ...(read === undefined ? {} : { read }), ...(write === undefined ? {} : { write }) }
}

/** The settings that a PUT or POST changes. Throws SwiftError 400. */
async function readSettings(ctx: Context, node: Node): Promise<ContainerSettings> {
  const metadata = readMetadata(ctx, 'container')
  const versions = headerOf(ctx, 'x-versions-enabled')
  const acl = await readAcls(ctx, node)
  return {
    metadata,
    ...(acl === undefined ? {} : { acl }),
    ...(versions === undefined ? {} : { versioning: isTrue(versions) ? 'enabled' : 'suspended' }),
  }
}

/** 201 for a new container, 202 for one that exists. The settings are changed in both cases. */
export const putContainer: Handler = async (ctx, node) => {
  requirePolicy(ctx, node.config)
  const settings = await readSettings(ctx, node)
  const { created } = await node.service.putContainer(ctx.state.asker, containerOf(ctx), settings)
  sendEmpty(ctx, created ? 201 : 202)
}

export const postContainer: Handler = async (ctx, node) => {
  const settings = await readSettings(ctx, node)
  await node.service.updateContainer(ctx.state.asker, containerOf(ctx), settings)
  sendEmpty(ctx, 204)
}

/** Sets the headers of HEAD and GET. The lists are shown to owners only. */
export async function setContainerHeaders(
  ctx: Context,
  node: Node,
  info: ContainerInfo,
): Promise<void> {
  ctx.set('X-Container-Object-Count', String(info.objects))
  ctx.set('X-Container-Bytes-Used', String(info.bytes))
  ctx.set('X-Timestamp', swiftTime(info.createdMicros))
  ctx.set('Last-Modified', lastModified(info.modifiedMicros))
  ctx.set('X-Storage-Policy', policyName(node.config))
  ctx.set('Accept-Ranges', 'bytes')
  writeMetadata(ctx, 'container', info.metadata)
  if (info.versioning !== null) {
    ctx.set('X-Versions-Enabled', info.versioning === 'enabled' ? 'True' : 'False')
  }
  const { read, write } = info.acl
  if (read === '' && write === '') return
  if (!(await node.service.isAllowed(ctx.state.asker, 'getContainerAcl', info))) return
  if (read !== '') setStored(ctx, 'X-Container-Read', read)
  if (write !== '') setStored(ctx, 'X-Container-Write', write)
}

export const headContainer: Handler = async (ctx, node) => {
  const { contentType } = negotiate(ctx)
  const info = await node.service.headContainer(ctx.state.asker, containerOf(ctx))
  await setContainerHeaders(ctx, node, info)
  sendEmpty(ctx, 204, contentType)
}

export const deleteContainer: Handler = async (ctx, node) => {
  await node.service.deleteContainer(ctx.state.asker, containerOf(ctx))
  sendEmpty(ctx, 204)
}
