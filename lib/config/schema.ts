// The one source of the configuration's form: a JSON schema with descriptions and defaults. The validator, the
// type `Config`, etc/coffer.yaml, etc/coffer.schema.json and docs/config.md are made from it (`npm run
// schema`). A key without `default` may be absent; `examples` shows the value that then holds.
import { logLevels } from '../log.ts'
import { bytes } from './bytes.ts'
import { file, listener, policy, reseller } from './entries.ts'
import { limits } from './limits.ts'
import { redis } from './redis.ts'

export const configSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'coffer.yaml',
  description:
    'Configuration of a coffer node. Relative paths are relative to the working directory.',
  type: 'object',
  additionalProperties: false,
  properties: {
    data: { ...file, default: './data', description: 'Catalog, control socket, certificate' },
    keyring: {
      ...file,
      description: 'Root keys (0600); on another disk in production. Absent: keyring in data',
      examples: ['./data/keyring'],
    },
    devices: {
      type: 'array',
      minItems: 1,
      maxItems: 64,
      uniqueItems: true,
      items: file,
      description: 'Directories for volumes, one a disk. Absent: volumes in data',
      examples: [['./data/volumes']],
    },
    catalog: {
      default: 'level',
      description:
        'Where the rows live: level, embedded in data; or { redis: { url: redis://127.0.0.1:6379/0 } }',
      anyOf: [
        { type: 'string', const: 'level' },
        {
          type: 'object',
          required: ['redis'],
          additionalProperties: false,
          properties: {
            redis,
          },
        },
      ],
    },
    listen: {
      type: 'array',
      minItems: 1,
      items: listener,
      default: [
        { host: '127.0.0.1', port: 8080 },
        { host: '127.0.0.1', port: 8443, tls: 'auto' },
        { host: '127.0.0.1', port: 5000, tls: 'auto', serves: ['identity'] },
        { host: '127.0.0.1', port: 9311, tls: 'auto', serves: ['keymanager'] },
      ],
      description:
        'Where to listen. An entry takes host, port, tls, serves and url (as clients see it)',
    },
    domains: {
      type: 'array',
      uniqueItems: true,
      items: { type: 'string', pattern: '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$' },
      default: [],
      description: 'Virtual-host buckets: bucket.<domain>. Lower case, without port',
    },
    trustedProxies: {
      type: 'array',
      uniqueItems: true,
      items: { type: 'string', minLength: 1 },
      default: [],
      description: 'CIDRs whose X-Forwarded-For, -Proto and -Host count',
    },
    region: {
      type: 'string',
      pattern: '^[A-Za-z0-9-]+$',
      default: 'us-east-1',
      description: 'Region that signatures must name',
    },
    users: {
      ...file,
      description:
        'users.yaml. Absent: the generated data/users.yaml; a named file that is missing is an error',
      examples: ['./users.yaml'],
    },
    ssec: {
      type: 'object',
      additionalProperties: false,
      default: {},
      description: 'Customer keys (SSE-C)',
      properties: {
        tls: {
          type: 'array',
          minItems: 1,
          uniqueItems: true,
          items: { type: 'string', enum: ['direct', 'forwarded', 'loopback', 'off'] },
          default: ['direct'],
          description:
            'Transports over which a key may come: direct (TLS ends here), forwarded (a trusted proxy says https), loopback (from this machine: never behind a proxy on it), off (any)',
        },
        wrongKeyStatus: {
          type: 'integer',
          enum: [403, 400],
          default: 403,
          description: 'Status for a well-formed key that is not the object’s: 403, or 400',
        },
        presignedReads: {
          type: 'string',
          enum: ['unsigned', 'signed'],
          default: 'unsigned',
          description:
            'Key headers on a presigned GET or HEAD: unsigned accepts them outside the signature, signed does not',
        },
      },
    },
    swift: {
      type: 'object',
      additionalProperties: false,
      default: {},
      description: 'The Swift dialect',
      properties: {
        resellers: {
          type: 'array',
          minItems: 1,
          items: reseller,
          default: [{ prefix: 'AUTH' }],
          description: 'Account prefixes; an entry takes prefix and serviceRole',
        },
        tokenSeconds: {
          type: 'integer',
          minimum: 60,
          maximum: 604800,
          default: 86400,
          description: 'How long a token of /auth/v1.0 is good',
        },
        remapDomains: {
          type: 'array',
          uniqueItems: true,
          items: { type: 'string', pattern: '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$' },
          default: [],
          description: 'Domains under which container.account.<domain> names a container',
        },
        policies: {
          type: 'array',
          minItems: 1,
          items: policy,
          default: [{ name: 'default', default: true }],
          description: 'Storage policies; an entry takes name, default, aliases and deprecated',
        },
      },
    },
    identity: {
      type: 'object',
      additionalProperties: false,
      default: {},
      description: 'The built-in identity service',
      properties: {
        operatorRoles: {
          type: 'array',
          uniqueItems: true,
          items: { type: 'string', minLength: 1, maxLength: 256 },
          default: ['member', 'swiftoperator'],
          description:
            'Roles that, as admin does, give a user all rights to what the account of its project stores',
        },
        region: {
          type: 'string',
          pattern: '^[A-Za-z0-9._-]+$',
          default: 'RegionOne',
          description: 'Region of the endpoints in the catalog of services',
        },
      },
    },
    lifecycle: {
      type: 'object',
      additionalProperties: false,
      default: {},
      description: 'Lifecycle rules',
      properties: {
        dayInSeconds: {
          type: 'integer',
          minimum: 1,
          maximum: 86400,
          default: 86400,
          description: 'Length of a day in rules; shorter for tests',
        },
      },
    },
    storage: {
      type: 'object',
      additionalProperties: false,
      default: {},
      description: 'Volumes',
      properties: {
        volumeFormat: {
          type: 'string',
          enum: ['level', 'file'],
          default: 'level',
          description:
            'What new volumes are, and what reclaim writes: level, a LevelDB database; or file, one append-only file',
        },
        volumeSizeBytes: {
          ...bytes(2 ** 20, 2 ** 50),
          default: '32 GiB',
          description: 'A volume that has grown to this is rolled: it gets no new blobs',
        },
        writeBufferBytes: {
          ...bytes(2 ** 16, 2 ** 30),
          default: '64 MiB',
          description:
            'Memtable of an open LevelDB volume; up to two of them are in memory a device',
        },
        openVolumes: {
          type: 'integer',
          minimum: 1,
          maximum: 10000,
          default: 32,
          description:
            'Full volumes of a device that are open for reads at once; each of 32 GiB takes up to 16 MB of memory and 500 files',
        },
        reserveBytes: {
          ...bytes(0, 2 ** 50),
          default: '1 GiB',
          description: 'Free space on each disk below which a PUT is refused; deletes may use it',
        },
        reclaim: {
          type: 'object',
          additionalProperties: false,
          default: {},
          description: 'Rewriting sealed volumes without what is dead in them',
          properties: {
            enabled: {
              type: 'boolean',
              default: true,
              description:
                'Whether it is done in the background; coffer reclaim does it at any time',
            },
            deadShare: {
              type: 'number',
              minimum: 0.05,
              maximum: 1,
              default: 0.3,
              description: 'A volume is rewritten when this share of its bytes on disk is dead',
            },
            bytesPerSecond: {
              ...bytes(0, 2 ** 50),
              default: '64 MiB',
              description:
                'Rate of reading and writing, a quarter of it while the node is busy; 0: no limit',
            },
          },
        },
      },
    },
    limits,
    threads: {
      type: 'integer',
      minimum: 1,
      maximum: 64,
      default: 1,
      description: 'HTTP threads',
    },
    log: {
      type: 'object',
      additionalProperties: false,
      default: {},
      description: 'The log: one line of JSON a request, on standard output',
      properties: {
        level: {
          type: 'string',
          enum: logLevels,
          default: 'info',
          description: 'fatal, error, warn, info, debug, trace or silent',
        },
      },
    },
    audit: {
      ...file,
      description: 'File for the audit lines. Absent: they go to the log',
      examples: ['./audit.log'],
    },
  },
} as const
