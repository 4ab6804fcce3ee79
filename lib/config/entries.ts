// The parts of the configuration's schema that describe entries of lists: listeners, account prefixes,
// policies.

/** The greatest TCP port (RFC 9293 §3.1: 16 bits). */
export const PORT_MAX = 65_535

export const file = { type: 'string', minLength: 1 } as const

export const listener = {
  type: 'object',
  required: ['port'],
  additionalProperties: false,
  properties: {
    host: {
      type: 'string',
      minLength: 1,
      default: '127.0.0.1',
      description: 'Address or name to listen on; :: or 0.0.0.0 for all',
    },
    port: {
      type: 'integer',
      minimum: 0,
      maximum: PORT_MAX,
      description: 'TCP port; 0: a free one',
    },
    tls: {
      description:
        'Absent: plain HTTP. auto: a self-signed development certificate, kept in data/tls. Or the files of a certificate (with its chain) and its key, in PEM',
      anyOf: [
        { type: 'string', const: 'auto' },
        {
          type: 'object',
          required: ['cert', 'key'],
          additionalProperties: false,
          properties: {
            cert: { ...file, description: 'PEM file: certificate, then its chain' },
            key: { ...file, description: 'PEM file: private key, readable by the service only' },
          },
        },
      ],
    },
    serves: {
      type: 'array',
      minItems: 1,
      uniqueItems: true,
      items: { type: 'string', enum: ['object', 'identity', 'keymanager', 'ops'] },
      default: ['object'],
      description:
        'What is served here. identity and keymanager stand alone or with ops, which may join any',
    },
    url: {
      type: 'string',
      pattern: '^https?://[^\\s/?#@]+(/[^\\s?#]*)?$',
      description: 'Base URL of this entry as clients see it, where that differs',
    },
  },
} as const

export const reseller = {
  type: 'object',
  required: ['prefix'],
  additionalProperties: false,
  properties: {
    prefix: {
      type: 'string',
      pattern: '^[A-Za-z0-9]+$',
      description: 'What stands before the account in /v1/<prefix>_<account>',
    },
    serviceRole: {
      type: 'string',
      minLength: 1,
      description: 'Role that the user of X-Service-Token must have for accounts of this prefix',
    },
  },
} as const

export const policy = {
  type: 'object',
  required: ['name'],
  additionalProperties: false,
  properties: {
    name: { type: 'string', pattern: '^[A-Za-z0-9-]+$', description: 'Unique, whatever its case' },
    default: { type: 'boolean', default: false, description: 'Exactly one policy is the default' },
    aliases: {
      type: 'array',
      uniqueItems: true,
      items: { type: 'string', pattern: '^[A-Za-z0-9-]+$' },
      default: [],
      description: 'Other names by which clients may ask for it',
    },
    deprecated: {
      type: 'boolean',
      default: false,
      description: 'Kept for the containers that have it; no new ones',
    },
  },
} as const
