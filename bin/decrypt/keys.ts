// Reads the keys of objects: files with customer keys, and the operator's keyring.
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { Failure } from './failure.ts'
import type { StoredEnvelope } from './sealed.ts'

const KEY_BYTES = 32
const KEYRING_VERSION = 1

/** The keys that may open an envelope, at least one. Throws Failure wrongKey where none is of its kind. */
export type KeySource = (envelope: StoredEnvelope) => readonly Buffer[]

function readFile(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new Failure('failed', `cannot read ${file}: ${(error as NodeJS.ErrnoException).code}`)
  }
}

/** A customer key: 32 raw bytes, their 64 hex digits, or their base64, with or without a line end. */
function readCustomerKey(file: string): Buffer {
  const bytes = readFile(file)
  const text = bytes.toString('latin1').trim()
  let key = bytes
  if (/^[0-9a-fA-F]{64}$/.test(text)) key = Buffer.from(text, 'hex')
  else if (/^[A-Za-z0-9+/]{43}=$/.test(text)) key = Buffer.from(text, 'base64')
  if (key.length !== KEY_BYTES) {
    throw new Failure('usage', `${file} holds no key: 32 bytes, or their hex or base64`)
  }
  return key
}

/** Root keys by id: YAML `{active, keys: {id: base64}}`. */
function readKeyring(file: string): Record<string, unknown> {
  let document: { version?: unknown; keys?: unknown } | null
  try {
    document = parse(readFile(file).toString('utf8'))
  } catch (error) {
    if (error instanceof Failure) throw error
    // The parser's message would quote the file, and with it a key.
    throw new Failure('usage', `${file} is no keyring: it is not YAML`)
  }
  const { version = KEYRING_VERSION, keys } = document ?? {}
  if (version !== KEYRING_VERSION) {
    throw new Failure('usage', `${file}: a keyring of version ${version} is not known here`)
  }
  if (typeof keys !== 'object' || keys === null) throw new Failure('usage', `${file} is no keyring`)
  return keys as Record<string, unknown>
}

/** The root key of an id; undefined where the keyring has none. */
export type RootKeys = (id: string) => Buffer | undefined

/** The keys of a keyring. Throws Failure usage where the file is none. */
export function rootKeySource(file: string): RootKeys {
  const keys = readKeyring(file)
  return (id) => {
    const key = Buffer.from(String(Object.hasOwn(keys, id) ? keys[id] : ''), 'base64')
    return key.length === KEY_BYTES ? key : undefined
  }
}

/** The keys in some files. Throws Failure usage where a file holds none. */
export function keySource(keyFiles: readonly string[], keyring: string | undefined): KeySource {
  const customerKeys = keyFiles.map(readCustomerKey)
  const rootKeys = keyring === undefined ? undefined : rootKeySource(keyring)
  return ({ kind, rootKeyId }) => {
    if (kind === 2) {
      if (customerKeys.length > 0) return customerKeys
      throw new Failure('wrongKey', 'the object is sealed under a customer key: give --key-file')
    }
    if (rootKeys === undefined) {
      throw new Failure('wrongKey', 'the object is sealed under a root key: give --keyring')
    }
    const key = rootKeys(rootKeyId)
    if (key === undefined) {
      throw new Failure('wrongKey', `the keyring has no key ${JSON.stringify(rootKeyId)}`)
    }
    return [key]
  }
}
