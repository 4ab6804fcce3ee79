// The part of the configuration's schema about Redis, and the rules about it that a schema cannot express.
import { bytes } from './bytes.ts'
import { file } from './entries.ts'

const redisUrl = {
  type: 'string',
  pattern: '^rediss?://[^\\s/?#]+(/\\d*)?$',
} as const

/** Bodies up to this many bytes may lie beside their row; on LevelDB all of them do. */
export const SMALL_BODY_BYTES_MAX = 8192

/** Values of absent keys. The schema cannot fill them in, because `catalog` has two forms. */
export const redisDefaults = {
  prefix: 'coffer',
  durability: 'strict',
  smallBodyBytes: 1024,
  timeoutMs: 2000,
} as const

const isDefault = (key: keyof typeof redisDefaults) => `Absent: ${redisDefaults[key]}`

export const redis = {
  type: 'object',
  additionalProperties: false,
  properties: {
    url: {
      ...redisUrl,
      description: 'One server: redis://host:port/database or, with TLS, rediss://',
    },
    sentinels: {
      type: 'array',
      minItems: 1,
      uniqueItems: true,
      items: { type: 'string', pattern: '^(\\[[0-9A-Fa-f:.]+\\]|[^\\s:/@]+)(:\\d{1,5})?$' },
      description: 'Instead of url: Sentinels, host:port',
    },
    name: {
      type: 'string',
      minLength: 1,
      description: 'Of the master that the Sentinels watch',
    },
    cluster: {
      type: 'array',
      minItems: 1,
      uniqueItems: true,
      items: redisUrl,
      description: 'Instead of url: some nodes of a cluster, which tell of the others',
    },
    username: { type: 'string', minLength: 1, description: 'User of Redis’ ACL' },
    password: { type: 'string', minLength: 1, description: 'Its password; better in passwordFile' },
    passwordFile: { ...file, description: 'File with the password, readable by the service only' },
    tls: {
      type: 'object',
      additionalProperties: false,
      description: 'For rediss://; with sentinels it turns TLS on',
      properties: {
        ca: { ...file, description: 'PEM file of the authority that Redis’ certificate is from' },
        cert: { ...file, description: 'PEM file: certificate to show, where Redis asks for one' },
        key: { ...file, description: 'PEM file: its private key' },
      },
    },
    prefix: {
      type: 'string',
      pattern: '^[A-Za-z0-9._-]{1,64}$',
      description: `Names of Redis keys begin with {prefix}. ${isDefault('prefix')}`,
    },
    durability: {
      type: 'string',
      enum: ['strict', 'relaxed'],
      description: `strict refuses a Redis that can lose what it acknowledged, relaxed warns of it. ${isDefault('durability')}`,
    },
    smallBodyBytes: {
      ...bytes(0, SMALL_BODY_BYTES_MAX),
      description: `Bodies up to this lie beside their row, in Redis’ memory; larger ones in volumes. ${isDefault('smallBodyBytes')}`,
    },
    timeoutMs: {
      type: 'integer',
      minimum: 100,
      maximum: 60000,
      description: `Longest wait for an answer of Redis. ${isDefault('timeoutMs')}`,
    },
  },
} as const

/** The `redis` map after validation by the schema. */
export interface RedisConfig {
  readonly url?: string
  readonly sentinels?: readonly string[]
  readonly name?: string
  readonly cluster?: readonly string[]
  readonly username?: string
  readonly password?: string
  readonly passwordFile?: string
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string }
  readonly prefix?: string
  readonly durability?: 'strict' | 'relaxed'
  readonly smallBodyBytes?: number
  readonly timeoutMs?: number
}

/** Contradictions within the map: the key, and what is wrong. No message quotes a value. */
export function* redisContradictions(
  config: RedisConfig,
): Generator<{ key: keyof RedisConfig | null; message: string }> {
  const { url, sentinels, name, cluster, tls } = config
  const ways = [url, sentinels, cluster].filter((way) => way !== undefined)
  if (ways.length !== 1) {
    yield { key: null, message: 'needs exactly one of url, sentinels and cluster' }
  }
  if ((sentinels === undefined) !== (name === undefined)) {
    yield { key: name === undefined ? null : 'name', message: 'sentinels and name go together' }
  }
  const urls = [...(cluster ?? []), ...(url === undefined ? [] : [url])]
  if (!urls.every((each) => URL.canParse(each))) {
    yield { key: url === undefined ? 'cluster' : 'url', message: 'is not a URL' }
    return
  }
  const parsed = urls.map((each) => new URL(each))
  if (config.password !== undefined && config.passwordFile !== undefined) {
    yield { key: 'password', message: 'is there twice: passwordFile has it too' }
  }
  const apart = (['username', 'password', 'passwordFile'] as const).filter((key) => config[key])
  if (apart.length > 0 && parsed.some(({ username, password }) => username || password)) {
    yield { key: apart[0]!, message: 'is there twice: the URL names user or password too' }
  }
  if (tls === undefined) return
  if (parsed.some(({ protocol }) => protocol !== 'rediss:')) {
    yield { key: 'tls', message: 'needs a rediss:// URL' }
  }
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    yield { key: 'tls', message: 'cert and key go together' }
  }
}
