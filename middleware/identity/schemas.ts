// The form of the bodies that clients send to the identity service (Keystone's Identity API v3). What is not named here is
// ignored, as Keystone ignores it.
import type { FromSchema } from 'json-schema-to-ts'
import { DESCRIPTION_CHARS_MAX } from '../../lib/identity/projects.ts'
import { PASSWORD_CHARS_MAX } from '../../lib/identity/users.ts'

const word = { type: 'string', minLength: 1, maxLength: 512 } as const
const text = { type: ['string', 'null'], maxLength: DESCRIPTION_CHARS_MAX } as const
const password = { type: 'string', maxLength: PASSWORD_CHARS_MAX } as const
const domain = { type: 'object', properties: { id: word, name: word } } as const
const named = { type: 'object', properties: { id: word, name: word, domain } } as const

const user = {
  type: 'object',
  required: ['password'],
  properties: { id: word, name: word, domain, password },
} as const

export const loginSchema = {
  type: 'object',
  required: ['auth'],
  properties: {
    auth: {
      type: 'object',
      required: ['identity'],
      properties: {
        identity: {
          type: 'object',
          required: ['methods'],
          properties: {
            methods: { type: 'array', minItems: 1, maxItems: 8, items: word },
            password: { type: 'object', required: ['user'], properties: { user } },
            token: {
              type: 'object',
              required: ['id'],
              properties: { id: { type: 'string', minLength: 1, maxLength: 8192 } },
            },
            application_credential: {
              type: 'object',
              required: ['secret'],
              properties: { id: word, name: word, secret: password, user: named },
            },
          },
        },
        scope: {
          type: ['string', 'object'],
          maxLength: 64,
          properties: { project: named, domain: { type: 'object' }, system: { type: 'object' } },
        },
      },
    },
  },
} as const
export type Login = FromSchema<typeof loginSchema>

export const v2LoginSchema = {
  type: 'object',
  required: ['auth'],
  properties: {
    auth: {
      type: 'object',
      required: ['passwordCredentials'],
      properties: {
        passwordCredentials: {
          type: 'object',
          required: ['username', 'password'],
          properties: { username: word, password },
        },
        tenantName: word,
        tenantId: word,
      },
    },
  },
} as const
export type V2Login = FromSchema<typeof v2LoginSchema>

const enabled = { type: 'boolean' } as const

const wrapped = <Name extends string, Schema>(name: Name, schema: Schema) =>
  ({
    type: 'object',
    required: [name],
    properties: { [name]: schema } as { [N in Name]: Schema },
  }) as const

export const newProjectSchema = wrapped('project', {
  type: 'object',
  required: ['name'],
  properties: { name: word, description: text, enabled, domain_id: word, parent_id: word },
} as const)
export interface NewProjectBody {
  project: {
    name: string
    description?: string | null
    enabled?: boolean
    domain_id?: string
    parent_id?: string
  }
}

export const projectPatchSchema = wrapped('project', {
  type: 'object',
  properties: { name: word, description: text, enabled },
} as const)
export interface ProjectPatchBody {
  project: { name?: string; description?: string | null; enabled?: boolean }
}

const userFields = {
  name: word,
  password: { type: ['string', 'null'], maxLength: PASSWORD_CHARS_MAX },
  description: text,
  email: { type: ['string', 'null'], maxLength: 320 },
  enabled,
  domain_id: word,
  default_project_id: { type: ['string', 'null'], maxLength: 512 },
} as const

export interface UserFields {
  name?: string
  password?: string | null
  description?: string | null
  email?: string | null
  enabled?: boolean
  domain_id?: string
  default_project_id?: string | null
}

export const newUserSchema = wrapped('user', {
  type: 'object',
  required: ['name'],
  properties: userFields,
} as const)
export const userPatchSchema = wrapped('user', { type: 'object', properties: userFields } as const)

export const ownPasswordSchema = wrapped('user', {
  type: 'object',
  required: ['password', 'original_password'],
  properties: { password, original_password: password },
} as const)
export interface OwnPasswordBody {
  user: { password: string; original_password: string }
}

export const ec2Schema = {
  type: 'object',
  properties: { tenant_id: { type: ['string', 'null'], maxLength: 512 } },
} as const

export const appCredentialSchema = wrapped('application_credential', {
  type: 'object',
  required: ['name'],
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 255 },
    description: text,
    secret: { type: ['string', 'null'], minLength: 1, maxLength: PASSWORD_CHARS_MAX },
    roles: {
      type: ['array', 'null'],
      maxItems: 64,
      items: { type: 'object', properties: { id: word, name: word } },
    },
    expires_at: { type: ['string', 'null'], maxLength: 64 },
    unrestricted: { type: ['boolean', 'null'] },
    access_rules: { type: ['array', 'null'], maxItems: 64 },
  },
} as const)
export interface AppCredentialBody {
  application_credential: {
    name: string
    description?: string | null
    secret?: string | null
    roles?: { id?: string; name?: string }[] | null
    expires_at?: string | null
    unrestricted?: boolean | null
    access_rules?: unknown[] | null
  }
}
