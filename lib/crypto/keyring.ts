// The operator's root keys, in a YAML file of mode 0600: `active: k1a2b3c4d` and `keys: { id: base64 }`.
// Whoever has this file and the data can read every object that is not under a customer key; whoever
// loses it has lost them. Keys are never logged, and an error names the file and an id, never a key.
import { randomBytes } from 'node:crypto'
import { statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { FromSchema } from 'json-schema-to-ts'
import { stringify } from 'yaml'
import { compile, FileInvalid, readDocument } from '../config/document.ts'
import { makePrivateDirectory, writePrivately } from '../private-file.ts'
import type { Keyring } from './cipher.ts'

const KEY_BYTES = 32
const READABLE_BY_OTHERS = 0o077

const schema = {
  type: 'object',
  required: ['active', 'keys'],
  additionalProperties: false,
  properties: {
    active: { type: 'string', minLength: 1 },
    keys: {
      type: 'object',
      minProperties: 1,
      propertyNames: { pattern: '^[A-Za-z0-9._-]{1,64}$' },
      // 32 bytes: 43 characters, whose last carries four bits, and one of padding.
      additionalProperties: { type: 'string', pattern: '^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$' },
    },
  },
} as const

/** Keys in private fields, so that nothing that prints the object prints them. */
class FileKeyring implements Keyring {
  readonly active: string
  readonly #keys: ReadonlyMap<string, Buffer>

  constructor(active: string, keys: ReadonlyMap<string, Buffer>) {
    this.active = active
    this.#keys = keys
  }

  key(id: string): Buffer | undefined {
    return this.#keys.get(id)
  }
}

/**
 * Opens the keyring. With `create` a missing one is made, with one random key; without, a missing one is
 * an error. Throws FileInvalid for a file that is missing, readable by others than its owner, or not of
 * the form above, and for an active id that has no key.
 */
export function openKeyring(file: string, { create }: { create: boolean }): Keyring {
  const status = statSync(file, { throwIfNoEntry: false })
  if (status === undefined) {
    if (!create)
      throw new FileInvalid([`${file}: no such file: objects cannot be opened without it`])
    makeKeyring(file)
  } else if (!status.isFile()) {
    throw new FileInvalid([`${file}: is not a file`])
  } else if ((status.mode & READABLE_BY_OTHERS) !== 0 && !isCredential(file)) {
    const mode = (status.mode & 0o777).toString(8)
    throw new FileInvalid([
      `${file}: mode is 0${mode}, must be 0600: only the owner may read root keys`,
    ])
  }
  const read = readDocument<FromSchema<typeof schema>>(file, compile(schema))
  const { active, keys } = read.value
  if (!Object.hasOwn(keys, active)) {
    read.refuse([{ path: ['active'], message: 'has no key under keys' }])
  }
  const entries = Object.entries(keys).map(
    ([id, text]) => [id, Buffer.from(text, 'base64')] as const,
  )
  return new FileKeyring(active, new Map(entries))
}

/**
 * True for a file that systemd's LoadCredential put there: it may show group bits, because its ACL lets
 * the service in, and no one else gets into its directory (systemd.exec(5), CREDENTIALS).
 */
function isCredential(file: string): boolean {
  const directory = process.env.CREDENTIALS_DIRECTORY
  return directory !== undefined && resolve(dirname(file)) === resolve(directory)
}

function makeKeyring(file: string): void {
  const id = `k${randomBytes(4).toString('hex')}`
  const keys = { [id]: randomBytes(KEY_BYTES).toString('base64') }
  const note =
    '# Root keys of this coffer node. Keep a copy in a safe place apart from the data: without it the\n' +
    '# objects are lost, and with it (and the data) they can be read.\n'
  makePrivateDirectory(dirname(file))
  writePrivately(file, note + stringify({ active: id, keys }))
}
