// Orders in Barbican's API v1: of keys alone.

import type { SecretOrderRow } from '../../lib/catalog/identity-rows.ts'
import { compile } from '../../lib/document.ts'
import type { Keep } from '../../lib/keymanager/keep.ts'
import { createOrder, deleteOrder, findOrder, listOrders } from '../../lib/keymanager/orders.ts'
import { readJson } from '../rest/read-body.ts'
import { RestError } from '../rest/rest-error.ts'
import { type RoutedContext, sayJson } from '../rest/route.ts'
import { callerOf } from './caller.ts'
import { listOf, microsOf, pageOf, refOf, timeOf } from './refs.ts'
import { type OrderBody, orderSchema } from './schemas.ts'
import { requireJson } from './secrets.ts'

const isOrder = compile(orderSchema)

function orderView(ctx: RoutedContext, id: string, row: SecretOrderRow): object {
  const time = timeOf(row.createdMicros)
  return {
    type: row.type,
    // Which secret it made is not known where nobody proves the order's row.
    status: row.secret === '' ? 'ERROR' : 'ACTIVE',
    created: time,
    updated: time,
    creator_id: row.creator,
    meta: row.meta,
    order_ref: refOf(ctx, 'orders', id),
    ...(row.secret !== '' && { secret_ref: refOf(ctx, 'secrets', row.secret) }),
  }
}

export async function makeOrder(ctx: RoutedContext, keep: Keep): Promise<void> {
  requireJson(ctx)
  const { type, meta } = await readJson<OrderBody>(ctx, isOrder)
  if (type !== 'key') throw new RestError(400, 'Orders of another type than key are not built.')
  const { name, algorithm, bit_length: bitLength, mode, expiration } = meta
  const asked = {
    name: name ?? '',
    algorithm,
    bitLength,
    mode: mode ?? null,
    expiresMicros: microsOf(expiration),
  }
  const shown = {
    name: name ?? null,
    algorithm,
    bit_length: bitLength,
    mode: mode ?? null,
    expiration: expiration ?? null,
    payload_content_type: meta.payload_content_type ?? 'application/octet-stream',
  }
  const id = await createOrder(keep, callerOf(ctx), asked, shown)
  const ref = refOf(ctx, 'orders', id)
  ctx.set('Location', ref)
  sayJson(ctx, 202, { order_ref: ref })
}

export async function showOrder(ctx: RoutedContext, keep: Keep): Promise<void> {
  const { row } = await findOrder(keep, callerOf(ctx), ctx.params.id!)
  sayJson(ctx, 200, orderView(ctx, ctx.params.id!, row))
}

export async function removeOrder(ctx: RoutedContext, keep: Keep): Promise<void> {
  await deleteOrder(keep, callerOf(ctx), ctx.params.id!)
  ctx.status = 204
}

export async function listAll(ctx: RoutedContext, keep: Keep): Promise<void> {
  const { page } = pageOf(ctx, [])
  const { shown, total } = await listOrders(keep, callerOf(ctx), page)
  const views = shown.map(({ id, row }) => orderView(ctx, id, row))
  sayJson(ctx, 200, listOf(ctx, 'orders', views, total, page))
}
