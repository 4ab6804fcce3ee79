// Secrets in Barbican's API v1.

import type { SecretRow } from '../../lib/catalog/identity-rows.ts'
import { compile } from '../../lib/document.ts'
import { IdentityRefused } from '../../lib/identity/refused.ts'
import type { Keep } from '../../lib/keymanager/keep.ts'
import {
  addPayload,
  changeSecret,
  createSecret,
  deleteSecret,
  listSecrets,
  PAYLOAD_BYTES_MAX,
  readPayload,
  readSecret,
} from '../../lib/keymanager/secrets.ts'
import { readBytes, readJson } from '../rest/read-body.ts'
import { RestError } from '../rest/rest-error.ts'
import { type RoutedContext, sayJson } from '../rest/route.ts'
import { callerOf } from './caller.ts'
import { answeredType, payloadOfBody, payloadOfJson } from './payloads.ts'
import { listOf, microsOf, pageOf, refOf, timeOf } from './refs.ts'
import { metadataSchema, metadatumSchema, type SecretBody, secretSchema } from './schemas.ts'

const isSecret = compile(secretSchema)
const isMetadata = compile(metadataSchema)
const isMetadatum = compile(metadatumSchema)

function secretView(ctx: RoutedContext, id: string, row: SecretRow): object {
  const { payloadType } = row
  return {
    created: timeOf(row.createdMicros),
    updated: timeOf(row.updatedMicros),
    status: 'ACTIVE',
    name: row.name === '' ? id : row.name,
    secret_type: row.type,
    expiration: row.expiresMicros === null ? null : timeOf(row.expiresMicros),
    algorithm: row.algorithm,
    bit_length: row.bitLength,
    mode: row.mode,
    creator_id: row.creator,
    ...(payloadType !== null && { content_types: { default: payloadType } }),
    secret_ref: refOf(ctx, 'secrets', id),
  }
}

/** Throws RestError 415 for a body that says it is no JSON. */
export function requireJson({ req }: RoutedContext): void {
  const type = String(req.headers['content-type'] ?? '')
    .split(';', 1)[0]!
    .trim()
    .toLowerCase()
  if (type !== 'application/json')
    throw new RestError(415, 'Content-Type must be application/json.')
}

export async function makeSecret(ctx: RoutedContext, keep: Keep): Promise<void> {
  requireJson(ctx)
  const sent = await readJson<SecretBody>(ctx, isSecret)
  const { payload: text, payload_content_type: type, payload_content_encoding: encoding } = sent
  const payload = payloadOfJson(text, type, encoding)
  try {
    const asked = {
      name: sent.name ?? '',
      type: sent.secret_type ?? 'opaque',
      algorithm: sent.algorithm ?? null,
      bitLength: sent.bit_length ?? null,
      mode: sent.mode ?? null,
      expiresMicros: microsOf(sent.expiration),
    }
    const id = await createSecret(keep, callerOf(ctx), asked, payload)
    const ref = refOf(ctx, 'secrets', id)
    ctx.set('Location', ref)
    sayJson(ctx, 201, { secret_ref: ref })
  } finally {
    payload?.bytes.fill(0)
  }
}

/** Facts of a secret; its payload where another type than JSON is asked for, as older clients do. */
export async function showSecret(ctx: RoutedContext, keep: Keep): Promise<void> {
  if (ctx.accepts('application/json') === false) return await showPayload(ctx, keep)
  const { id, ...row } = await readSecret(keep, callerOf(ctx), ctx.params.id!)
  sayJson(ctx, 200, secretView(ctx, id, row))
}

export async function showPayload(ctx: RoutedContext, keep: Keep): Promise<void> {
  const payload = await readPayload(keep, callerOf(ctx), ctx.params.id!)
  // Koa sends the Buffer itself. A refusal closes the answer too.
  ctx.res.once('close', () => payload.bytes.fill(0))
  const type = answeredType(ctx, payload)
  ctx.status = 200
  ctx.set('Content-Type', type)
  ctx.set('Cache-Control', 'no-store')
  ctx.body = payload.bytes
}

export async function putPayload(ctx: RoutedContext, keep: Keep): Promise<void> {
  const body = await readBytes(ctx, 2 * PAYLOAD_BYTES_MAX)
  const payload = payloadOfBody(ctx, body)
  try {
    await addPayload(keep, callerOf(ctx), ctx.params.id!, payload)
  } finally {
    payload.bytes.fill(0)
    body.fill(0)
  }
  ctx.status = 204
}

export async function removeSecret(ctx: RoutedContext, keep: Keep): Promise<void> {
  await deleteSecret(keep, callerOf(ctx), ctx.params.id!)
  ctx.status = 204
}

export async function listAll(ctx: RoutedContext, keep: Keep): Promise<void> {
  const { query, page } = pageOf(ctx, ['name', 'alg', 'algorithm', 'mode', 'bits', 'secret_type'])
  const bits = query.get('bits')
  const filter = {
    name: query.get('name'),
    algorithm: query.get('alg') ?? query.get('algorithm'),
    mode: query.get('mode'),
    // Clients send 0 for any length.
    bitLength: bits === null || bits === '0' ? null : Number(bits),
    type: query.get('secret_type'),
  }
  const { shown, total } = await listSecrets(keep, callerOf(ctx), filter, page)
  const views = shown.map(({ id, row }) => secretView(ctx, id, row))
  sayJson(ctx, 200, listOf(ctx, 'secrets', views, total, page))
}

export async function showMetadata(ctx: RoutedContext, keep: Keep): Promise<void> {
  const { metadata } = await readSecret(keep, callerOf(ctx), ctx.params.id!)
  sayJson(ctx, 200, { metadata })
}

export async function putMetadata(ctx: RoutedContext, keep: Keep): Promise<void> {
  const { metadata } = await readJson<{ metadata: Record<string, string> }>(ctx, isMetadata)
  const lower = Object.fromEntries(Object.entries(metadata).map(([k, v]) => [k.toLowerCase(), v]))
  await changeSecret(keep, callerOf(ctx), ctx.params.id!, 'change', () => ({ metadata: lower }))
  sayJson(ctx, 201, { metadata_ref: `${refOf(ctx, 'secrets', ctx.params.id!)}/metadata` })
}

const noKey = () => new IdentityRefused('missing', 'Secret metadata not found.')

export async function showMetadatum(ctx: RoutedContext, keep: Keep): Promise<void> {
  const { metadata } = await readSecret(keep, callerOf(ctx), ctx.params.id!)
  const key = ctx.params.key!.toLowerCase()
  if (!Object.hasOwn(metadata, key)) throw noKey()
  sayJson(ctx, 200, { key, value: metadata[key] })
}

/** Adds a key, or replaces the value of one; `isNew` says which of the two it must be. */
async function setMetadatum(ctx: RoutedContext, keep: Keep, isNew: boolean) {
  const sent = await readJson<{ key: string; value: string }>(ctx, isMetadatum)
  const key = sent.key.toLowerCase()
  if (!isNew && key !== ctx.params.key!.toLowerCase()) {
    throw new RestError(409, 'The key in the body is not that of the path.')
  }
  await changeSecret(keep, callerOf(ctx), ctx.params.id!, 'change', ({ metadata }) => {
    const isThere = Object.hasOwn(metadata, key)
    if (isNew && isThere) throw new IdentityRefused('taken', 'The key is there already.')
    if (!isNew && !isThere) throw noKey()
    if (isNew && Object.keys(metadata).length >= metadataSchema.properties.metadata.maxProperties) {
      throw new IdentityRefused('limit', 'There are too many keys.')
    }
    return { metadata: { ...metadata, [key]: sent.value } }
  })
  return { key, value: sent.value }
}

export async function postMetadatum(ctx: RoutedContext, keep: Keep): Promise<void> {
  const set = await setMetadatum(ctx, keep, true)
  ctx.set('Location', `${refOf(ctx, 'secrets', ctx.params.id!)}/metadata/${set.key}`)
  sayJson(ctx, 201, set)
}

export async function putMetadatum(ctx: RoutedContext, keep: Keep): Promise<void> {
  sayJson(ctx, 200, await setMetadatum(ctx, keep, false))
}

export async function removeMetadatum(ctx: RoutedContext, keep: Keep): Promise<void> {
  const key = ctx.params.key!.toLowerCase()
  await changeSecret(keep, callerOf(ctx), ctx.params.id!, 'change', ({ metadata }) => {
    if (!Object.hasOwn(metadata, key)) throw noKey()
    const { [key]: _, ...left } = metadata
    return { metadata: left }
  })
  ctx.status = 204
}
