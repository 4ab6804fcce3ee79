// The configuration: read once at start, validated, frozen and passed down. No module reads it while it is
// imported, and nothing changes it afterwards.
import { resolve } from 'node:path'
import {
  compile,
  type ParsedFile,
  type Path,
  type Problem,
  parseText,
  readDocument,
} from '../document.ts'
import { FileInvalid, isThere } from '../file-invalid.ts'
import { convertBytes } from './bytes.ts'
import { contradictions } from './rules.ts'
import { configSchema } from './schema.ts'
import type { Config, Listener, Written } from './shape.ts'

export { exposed, unbuilt } from './rules.ts'
export type { Config, Listener }

export interface ConfigSource {
  /** The file to read. Absent: defaults alone. */
  readonly file?: string
  /** Replaces the file's `data`. Keyring and devices follow it where the file does not set them. */
  readonly data?: string
  /** Replaces the ports of `listen`: the first entry takes it, each further one the next number. 0: each a
   * free one. */
  readonly port?: number
}

/**
 * Reads, validates and completes the configuration. Synchronous, because libuv's thread pool, which it sizes,
 * must not have started. Throws FileInvalid with one line for each problem; a named file that is missing is one
 * of them.
 */
export function loadConfig({ file, data, port }: ConfigSource): Config {
  const validate = compile(configSchema)
  const source: ParsedFile<Written> =
    file === undefined ? parseText('', 'defaults', validate) : readDocument(file, validate)
  source.refuse([...convertBytes(configSchema, source.value)])
  const written = port === undefined ? source.value : onPorts(source.value, port)
  const config = complete(data === undefined ? written : { ...written, data })
  source.refuse([...contradictions(config), ...missingFiles(config)])
  return config
}

function onPorts(written: Written, first: number): Written {
  const listen = written.listen.map((entry, i) => ({ ...entry, port: first === 0 ? 0 : first + i }))
  return { ...written, listen }
}

/** The configuration of a node without a file. */
export function defaultConfig(): Config {
  return loadConfig({})
}

/** Makes paths absolute, and fills in those that follow `data`. */
function complete(written: Written): Config {
  const data = resolve(written.data)
  const listen = written.listen.map((entry) => {
    const tls =
      typeof entry.tls === 'object'
        ? { cert: resolve(entry.tls.cert), key: resolve(entry.tls.key) }
        : entry.tls
    return tls === undefined ? entry : { ...entry, tls }
  })
  const config: Config = {
    ...written,
    data,
    catalog: withAbsolutePaths(written.catalog),
    keyring: resolve(written.keyring ?? `${data}/keyring`),
    devices: (written.devices ?? [`${data}/volumes`]).map((device) => resolve(device)),
    listen,
    ...(written.users === undefined ? {} : { users: resolve(written.users) }),
    ...(written.audit === undefined ? {} : { audit: resolve(written.audit) }),
  }
  return freeze(config)
}

function withAbsolutePaths(catalog: Written['catalog']): Written['catalog'] {
  if (typeof catalog !== 'object') return catalog
  const { passwordFile, tls } = catalog.redis
  const redis = { ...catalog.redis }
  if (passwordFile !== undefined) redis.passwordFile = resolve(passwordFile)
  if (tls !== undefined) {
    const files = Object.entries(tls).map(([name, file]) => [name, resolve(file as string)])
    redis.tls = Object.fromEntries(files)
  }
  return { redis }
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const part of Object.values(value)) freeze(part)
    Object.freeze(value)
  }
  return value
}

/** A problem for each file that the configuration names and that is missing, or that this process cannot look
 * up. */
function missingFiles(config: Config): Problem[] {
  const named: { path: Path; file: string }[] = []
  if (config.users !== undefined) named.push({ path: ['users'], file: config.users })
  for (const [i, { tls }] of config.listen.entries()) {
    if (typeof tls !== 'object') continue
    named.push({ path: ['listen', i, 'tls', 'cert'], file: tls.cert })
    named.push({ path: ['listen', i, 'tls', 'key'], file: tls.key })
  }
  if (config.catalog !== 'level') {
    const { passwordFile, tls = {} } = config.catalog.redis
    const path = ['catalog', 'redis']
    if (passwordFile !== undefined) {
      named.push({ path: [...path, 'passwordFile'], file: passwordFile })
    }
    for (const [name, file] of Object.entries(tls)) {
      named.push({ path: [...path, 'tls', name], file })
    }
  }
  return named.flatMap(({ path, file }) => {
    try {
      return isThere(file) ? [] : [{ path, message: `no such file: ${file}` }]
    } catch (error) {
      if (!(error instanceof FileInvalid)) throw error
      return [{ path, message: error.message }]
    }
  })
}
