// Containers and their consumers in Barbican's API v1.

import type { SecretContainerRow } from '../../lib/catalog/identity-rows.ts'
import { compile } from '../../lib/document.ts'
import {
  addConsumer,
  addToContainer,
  createContainer,
  deleteContainer,
  findContainer,
  listContainers,
  removeConsumer,
  takeFromContainer,
} from '../../lib/keymanager/containers.ts'
import type { Keep } from '../../lib/keymanager/keep.ts'
import { readJson } from '../rest/read-body.ts'
import { type RoutedContext, sayJson } from '../rest/route.ts'
import { callerOf } from './caller.ts'
import { idOf, listOf, pageOf, refOf, timeOf } from './refs.ts'
import {
  type ConsumerBody,
  type ContainerBody,
  consumerSchema,
  containerSchema,
  type SecretReference,
  secretReferenceSchema,
} from './schemas.ts'
import { requireJson } from './secrets.ts'

const isContainer = compile(containerSchema)
const isReference = compile(secretReferenceSchema)
const isConsumer = compile(consumerSchema)

const consumersOf = ({ consumers }: SecretContainerRow) =>
  consumers.map(({ name, url }) => ({ name, URL: url }))

function containerView(ctx: RoutedContext, id: string, row: SecretContainerRow): object {
  return {
    created: timeOf(row.createdMicros),
    updated: timeOf(row.updatedMicros),
    status: 'ACTIVE',
    name: row.name === '' ? null : row.name,
    type: row.type,
    creator_id: row.creator,
    secret_refs: row.secrets.map(({ name, secret }) => ({
      ...(name !== '' && { name }),
      secret_ref: refOf(ctx, 'secrets', secret),
    })),
    consumers: consumersOf(row),
    container_ref: refOf(ctx, 'containers', id),
  }
}

const partOf = ({ name, secret_ref: ref }: SecretReference) => ({
  name: name ?? '',
  secret: idOf(ref),
})

export async function makeContainer(ctx: RoutedContext, keep: Keep): Promise<void> {
  requireJson(ctx)
  const { name, type, secret_refs: refs } = await readJson<ContainerBody>(ctx, isContainer)
  const asked = { name: name ?? '', type, secrets: (refs ?? []).map(partOf) }
  const id = await createContainer(keep, callerOf(ctx), asked)
  const ref = refOf(ctx, 'containers', id)
  ctx.set('Location', ref)
  sayJson(ctx, 201, { container_ref: ref })
}

export async function showContainer(ctx: RoutedContext, keep: Keep): Promise<void> {
  const { row } = await findContainer(keep, callerOf(ctx), ctx.params.id!)
  sayJson(ctx, 200, containerView(ctx, ctx.params.id!, row))
}

export async function removeContainer(ctx: RoutedContext, keep: Keep): Promise<void> {
  await deleteContainer(keep, callerOf(ctx), ctx.params.id!)
  ctx.status = 204
}

export async function listAll(ctx: RoutedContext, keep: Keep): Promise<void> {
  const { query, page } = pageOf(ctx, ['name', 'type'])
  const filter = { name: query.get('name'), type: query.get('type') }
  const { shown, total } = await listContainers(keep, callerOf(ctx), filter, page)
  const views = shown.map(({ id, row }) => containerView(ctx, id, row))
  sayJson(ctx, 200, listOf(ctx, 'containers', views, total, page))
}

export async function addSecret(ctx: RoutedContext, keep: Keep): Promise<void> {
  const sent = await readJson<SecretReference>(ctx, isReference)
  await addToContainer(keep, callerOf(ctx), ctx.params.id!, partOf(sent))
  sayJson(ctx, 201, { container_ref: refOf(ctx, 'containers', ctx.params.id!) })
}

export async function takeSecret(ctx: RoutedContext, keep: Keep): Promise<void> {
  const { secret_ref: ref } = await readJson<SecretReference>(ctx, isReference)
  await takeFromContainer(keep, callerOf(ctx), ctx.params.id!, idOf(ref))
  ctx.status = 204
}

export async function listConsumers(ctx: RoutedContext, keep: Keep): Promise<void> {
  const { row } = await findContainer(keep, callerOf(ctx), ctx.params.id!)
  const consumers = consumersOf(row)
  sayJson(ctx, 200, { consumers, total: consumers.length })
}

export async function registerConsumer(ctx: RoutedContext, keep: Keep): Promise<void> {
  const { name, URL: url } = await readJson<ConsumerBody>(ctx, isConsumer)
  const row = await addConsumer(keep, callerOf(ctx), ctx.params.id!, { name, url })
  sayJson(ctx, 200, containerView(ctx, ctx.params.id!, row))
}

export async function dropConsumer(ctx: RoutedContext, keep: Keep): Promise<void> {
  const { name, URL: url } = await readJson<ConsumerBody>(ctx, isConsumer)
  const row = await removeConsumer(keep, callerOf(ctx), ctx.params.id!, { name, url })
  sayJson(ctx, 200, containerView(ctx, ctx.params.id!, row))
}
