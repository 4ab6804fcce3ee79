// The form of the bodies that clients send to the key manager (Barbican's Key Manager API v1). What is not named here is
// ignored, as Barbican ignores it.
import { ACL_USERS_MAX } from '../../lib/keymanager/acls.ts'
import { CONTAINER_SECRETS_MAX, containerTypes } from '../../lib/keymanager/containers.ts'
import { secretTypes } from '../../lib/keymanager/secrets.ts'

const text = { type: ['string', 'null'], maxLength: 255 } as const
const bitLength = { type: ['integer', 'null'], minimum: 1, maximum: 32_767 } as const
const reference = { type: 'string', minLength: 1, maxLength: 1024 } as const

/** Base64 of the largest payload has 26,668 characters. */
const PAYLOAD_CHARS_MAX = 40_000

export const secretSchema = {
  type: 'object',
  properties: {
    name: text,
    secret_type: { enum: [...secretTypes] },
    algorithm: text,
    bit_length: bitLength,
    mode: text,
    expiration: text,
    payload: { type: ['string', 'null'], maxLength: PAYLOAD_CHARS_MAX },
    payload_content_type: text,
    payload_content_encoding: text,
  },
} as const
export interface SecretBody {
  name?: string | null
  secret_type?: (typeof secretTypes)[number]
  algorithm?: string | null
  bit_length?: number | null
  mode?: string | null
  expiration?: string | null
  payload?: string | null
  payload_content_type?: string | null
  payload_content_encoding?: string | null
}

export const orderSchema = {
  type: 'object',
  required: ['type', 'meta'],
  properties: {
    type: { type: 'string', maxLength: 255 },
    meta: {
      type: 'object',
      required: ['algorithm', 'bit_length'],
      properties: {
        name: text,
        algorithm: { type: 'string', minLength: 1, maxLength: 255 },
        bit_length: { type: 'integer', minimum: 1, maximum: 32_767 },
        mode: text,
        expiration: text,
        payload_content_type: text,
      },
    },
  },
} as const
export interface OrderBody {
  type: string
  meta: {
    name?: string | null
    algorithm: string
    bit_length: number
    mode?: string | null
    expiration?: string | null
    payload_content_type?: string | null
  }
}

const secretReference = {
  type: 'object',
  required: ['secret_ref'],
  properties: { name: text, secret_ref: reference },
} as const
export interface SecretReference {
  name?: string | null
  secret_ref: string
}

export const containerSchema = {
  type: 'object',
  required: ['type'],
  properties: {
    name: text,
    type: { enum: [...containerTypes] },
    secret_refs: {
      type: ['array', 'null'],
      maxItems: CONTAINER_SECRETS_MAX,
      items: secretReference,
    },
  },
} as const
export interface ContainerBody {
  name?: string | null
  type: (typeof containerTypes)[number]
  secret_refs?: SecretReference[] | null
}

export const secretReferenceSchema = secretReference

export const consumerSchema = {
  type: 'object',
  required: ['name', 'URL'],
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 255 },
    URL: { type: 'string', minLength: 1, maxLength: 500 },
  },
} as const
export interface ConsumerBody {
  name: string
  URL: string
}

export const aclSchema = {
  type: 'object',
  required: ['read'],
  additionalProperties: false,
  properties: {
    read: {
      type: 'object',
      additionalProperties: false,
      properties: {
        users: {
          type: 'array',
          maxItems: ACL_USERS_MAX,
          items: { type: 'string', minLength: 1, maxLength: 520 },
        },
        'project-access': { type: 'boolean' },
      },
    },
  },
} as const
export interface AclBody {
  read: { users?: string[]; 'project-access'?: boolean }
}

const METADATA_MAX = 64
const metadataKey = '^[\\w.-]{1,255}$'

export const metadataSchema = {
  type: 'object',
  required: ['metadata'],
  properties: {
    metadata: {
      type: 'object',
      maxProperties: METADATA_MAX,
      propertyNames: { pattern: metadataKey },
      additionalProperties: { type: 'string', maxLength: 1024 },
    },
  },
} as const
export const metadatumSchema = {
  type: 'object',
  required: ['key', 'value'],
  properties: {
    key: { type: 'string', pattern: metadataKey },
    value: { type: 'string', maxLength: 1024 },
  },
} as const
