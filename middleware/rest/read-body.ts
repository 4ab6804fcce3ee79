// Bodies of requests to the services that speak JSON: read whole, within a bound, and held to a schema.
import type { ValidateFunction } from 'ajv'
import type { Context } from '../state.ts'
import { RestError } from './rest-error.ts'

/** Largest body of JSON in bytes, before and after the caller is known. Keystone's limit is 114,688
 * (oslo.middleware, max_request_body_size). */
export const JSON_BYTES_MAX = 64 << 10

/** The whole body. Throws RestError 413 beyond `bytesMax`, and what the source throws. */
export async function readBytes({ state }: Context, bytesMax: number): Promise<Buffer> {
  const { source } = state
  const tooLarge = () =>
    new RestError(413, `The body of the request has more than ${bytesMax} bytes.`)
  if ((source.length ?? 0) > bytesMax) throw tooLarge()
  const pieces: Buffer[] = []
  let length = 0
  for (let piece = await source.read(); piece !== undefined; piece = await source.read()) {
    length += piece.length
    if (length > bytesMax) throw tooLarge()
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** The body as JSON that fits the schema of `validate`. Throws RestError 400, which shows no value, and as `readBytes`. */
export async function readJson<T>(ctx: Context, validate: ValidateFunction): Promise<T> {
  const bytes = await readBytes(ctx, JSON_BYTES_MAX)
  let value: unknown
  try {
    value = JSON.parse(utf8.decode(bytes))
  } catch {
    throw new RestError(400, 'The body of the request is not JSON.')
  }
  if (!validate(value)) {
    const [first] = validate.errors ?? []
    const where = first?.instancePath ? first.instancePath.slice(1) : 'the body'
    throw new RestError(400, `Invalid input for ${where}: ${first?.message ?? 'unknown form'}.`)
  }
  return value as T
}
