// The operator's root keys: a YAML file of mode 0600 with `version: 1`, `active: k1a2b3c4d` and `keys: { id:
// base64 }`. With this file and the data every object can be read that is not under a customer key; without it
// none of them can. Keys are never logged. An error names the file and an id, never a key.
import { randomBytes } from 'node:crypto'
import { statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { FromSchema } from 'json-schema-to-ts'
import { stringify } from 'yaml'
import { compile, type ParsedFile, readDocument } from '../document.ts'
import { FileInvalid, isThere } from '../file-invalid.ts'
import { requireKnown } from '../format-version.ts'
import { makePrivateDirectory, requirePrivate, writePrivately } from '../private-file.ts'
import type { Keyring } from './cipher.ts'
import { KEY_BYTES } from './keys.ts'

/** Where systemd puts credentials (systemd.exec(5), CREDENTIALS). */
const CREDENTIALS = '/run/credentials/'

/** True for a keyring that exists only while the service runs, because LoadCredential of the unit makes it. */
export const isPutBySystemd = (file: string) => resolve(file).startsWith(CREDENTIALS)
const VERSION = 1
const ID_PATTERN = '^[A-Za-z0-9._-]{1,64}$'

const schema = {
  type: 'object',
  required: ['active', 'keys'],
  additionalProperties: false,
  properties: {
    version: { type: 'integer', minimum: 1, default: 1 },
    active: { type: 'string', minLength: 1 },
    keys: {
      type: 'object',
      minProperties: 1,
      propertyNames: { pattern: ID_PATTERN },
      // 32 bytes in base64: 43 characters, of which the last carries four bits, and one of padding.
      additionalProperties: { type: 'string', pattern: '^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$' },
    },
  },
} as const

export type KeyringFile = FromSchema<typeof schema>

/** The version is read first, because a later version may have another form. */
const versionSchema = {
  type: 'object',
  properties: { version: { type: 'integer', minimum: 1, default: 1 } },
} as const

/** True for an id that a root key may have. */
export const isRootKeyId = (id: string) => new RegExp(ID_PATTERN).test(id)

/** A random id for a new key. */
export const drawRootKeyId = () => `k${randomBytes(4).toString('hex')}`

/** A random key, as it stands in the file. */
export const drawRootKey = () => randomBytes(KEY_BYTES).toString('base64')

/** Keeps the keys in a private field, so that printing the object does not print them. */
class FileKeyring implements Keyring {
  readonly active: string
  readonly ids: readonly string[]
  readonly #keys: ReadonlyMap<string, Buffer>

  constructor(active: string, keys: ReadonlyMap<string, Buffer>) {
    this.active = active
    this.ids = [...keys.keys()]
    this.#keys = keys
  }

  key(id: string): Buffer | undefined {
    return this.#keys.get(id)
  }
}

/** A keyring that lists its keys. */
export interface ListedKeyring extends Keyring {
  /** Ids in the order of the file. */
  readonly ids: readonly string[]
}

/**
 * Opens the keyring. With `create` a missing file is made, with one random key. A missing file is otherwise an
 * error, and so is a missing credential of systemd. Throws FormatNewer for a later version. Throws FileInvalid
 * for a file that is missing, unreadable, readable by others than its owner, or malformed, and for an active id
 * without a key.
 */
export function openKeyring(file: string, { create }: { create: boolean }): ListedKeyring {
  if (create && !isThere(file)) makeKeyring(file)
  const { active, keys } = readKeyring(file).value
  const entries = Object.entries(keys).map(
    ([id, text]) => [id, Buffer.from(text, 'base64')] as const,
  )
  return new FileKeyring(active, new Map(entries))
}

/** Reads the file. Throws as `openKeyring` does. */
export function readKeyring(file: string): ParsedFile<KeyringFile> {
  if (!isThere(file)) {
    throw new FileInvalid([`${file}: no such file: objects cannot be opened without it`])
  }
  const status = statSync(file)
  if (!status.isFile()) throw new FileInvalid([`${file}: is not a file`])
  requirePrivate(file, 'root keys')
  const { version } = readDocument<{ version: number }>(file, compile(versionSchema)).value
  requireKnown(file, 'the keyring', version, VERSION)
  const read = readDocument<KeyringFile>(file, compile(schema))
  const { active, keys } = read.value
  if (!Object.hasOwn(keys, active)) {
    read.refuse([{ path: ['active'], message: 'has no key under keys' }])
  }
  return read
}

function makeKeyring(file: string): void {
  if (isPutBySystemd(file)) {
    throw new FileInvalid([`${file}: no such file: LoadCredential= in the unit puts it there`])
  }
  const id = drawRootKeyId()
  const note =
    '# Root keys of this coffer node. Keep a copy in a safe place apart from the data: without it the\n' +
    '# objects are lost, and with it (and the data) they can be read.\n'
  makePrivateDirectory(dirname(file))
  writePrivately(
    file,
    note + stringify({ version: VERSION, active: id, keys: { [id]: drawRootKey() } }),
  )
}
