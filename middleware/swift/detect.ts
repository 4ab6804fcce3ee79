// Pure: reads the operation of a Swift request and what it addresses. The path is decoded once and then split, as Swift
// does. Nothing in it is normalised: `//`, `.` and `..` are part of an object's name.
import type { IncomingHttpHeaders } from 'node:http'
import { CONTAINER_NAME_BYTES_MAX, OBJECT_NAME_BYTES_MAX } from '../../lib/names.ts'
import { decodePercent } from '../http/percent.ts'
import { parametersOf } from '../http/query.ts'
import type { Target } from '../state.ts'
import { ACCOUNT_NAME_BYTES_MAX } from './limits.ts'
import { allowOf, type Level, methods } from './methods.ts'
import type { OperationName } from './names.ts'
import { SwiftError, unbuilt } from './swift-error.ts'

export interface SwiftRequest {
  readonly operation: OperationName
  readonly level: Level | undefined
  /** The account as the URL has it, reseller prefix and all. */
  readonly accountName: string | undefined
  /**
   * The storage id: what follows the reseller prefix in the URL. Undefined where the URL names no account that this
   * node could hold. Every caller is refused then.
   */
  readonly account: string | undefined
  readonly container: string | undefined
  readonly object: string | undefined
  /** Parameters by name, decoded. Of several with one name the first counts. */
  readonly query: ReadonlyMap<string, string>
}

/**
 * The name of a query parameter that holds a customer key, or a part of one, under any of the headers' names. Swift
 * reads keys from headers only. A request with such a parameter is refused, because its object would be sealed by
 * the root key instead of the customer's (D-KEY-QUERY).
 */
const keyName = /encryption[-_](?:customer[-_])?(?:algorithm|key|key[-_]md5)$/i

/** Parameters of features that are not built. A request that ignored one could read or overwrite the wrong object. */
const refusedParameters: Readonly<Record<string, string>> = {
  temp_url_sig: 'signed URLs (TempURL)',
  temp_url_expires: 'signed URLs (TempURL)',
  temp_url_prefix: 'signed URLs (TempURL)',
  temp_url_ip_range: 'signed URLs (TempURL)',
}

/**
 * The query's parameters by name, decoded. Throws SwiftError 400 where one cannot be read or is a customer
 * key, and where there are more than 1,000.
 */
export function parseQuery(query: string): Map<string, string> {
  const parameters = new Map<string, string>()
  const tooMany = () => new SwiftError(400, 'Too many query parameters')
  for (const { name, value } of parametersOf(query, tooMany)) {
    if (name === undefined) throw new SwiftError(400, 'Query parameter name not valid UTF-8')
    if (value === undefined) throw new SwiftError(400, `"${name}" parameter not valid UTF-8`)
    if (keyName.test(name)) {
      throw new SwiftError(400, 'A customer key is sent in headers, never in the query')
    }
    if (name !== '' && !parameters.has(name)) parameters.set(name, value)
  }
  return parameters
}

/** Cuts a decoded path into version, account, container and object. A part that is missing is ''. */
function splitPath(path: string): [string, string, string, string] {
  const parts = ['', '', '', ''] as [string, string, string, string]
  let start = 1
  for (let i = 0; i < 3; i++) {
    const slash = path.indexOf('/', start)
    parts[i] = slash === -1 ? path.slice(start) : path.slice(start, slash)
    if (slash === -1) return parts
    start = slash + 1
  }
  parts[3] = path.slice(start)
  return parts
}

/**
 * Throws SwiftError 400 for a name of more than `limit` bytes. Swift 2.30 counts characters (D-NAME-BYTES). The text
 * holds nothing of the request. It is sent as HTML, as Swift does.
 */
function requireLength(what: string, name: string, limit: number): void {
  const size = Buffer.byteLength(name)
  if (size <= limit) return
  throw new SwiftError(400, `${what} name length of ${size} bytes longer than ${limit}`, {
    'Content-Type': 'text/html; charset=UTF-8',
  })
}

/**
 * The storage id that an account's name in a URL stands for. Undefined for a name without the node's reseller prefix,
 * and for one whose rest begins with a dot, which Swift keeps for itself.
 */
export function storageIdOf(accountName: string, prefix: string): string | undefined {
  const start = prefix === '' ? '' : `${prefix}_`
  if (!accountName.startsWith(start)) return undefined
  const id = accountName.slice(start.length)
  return id === '' || id.startsWith('.') ? undefined : id
}

/** The account's name in URLs, for a storage id. */
export function accountNameOf(account: string, prefix: string): string {
  return prefix === '' ? account : `${prefix}_${account}`
}

function requireBuilt(query: ReadonlyMap<string, string>): void {
  // swiftclient sends `symlink=get` before it deletes. It means the link itself, and an object that is no link.
  if ((query.get('symlink') ?? 'get') !== 'get')
    throw unbuilt('symbolic links', 'query parameter symlink')
  for (const name of query.keys()) {
    if (!Object.hasOwn(refusedParameters, name)) continue
    throw unbuilt(refusedParameters[name]!, `query parameter ${name}`)
  }
}

/** The operation of a level and a method, unless the query or the headers select another one. */
function operationOf(
  level: Level,
  method: string,
  query: ReadonlyMap<string, string>,
  headers: IncomingHttpHeaders,
): OperationName {
  const table = methods[level]
  const plain = Object.hasOwn(table, method) ? table[method]! : undefined
  if (plain === undefined) throw new SwiftError(405, undefined, { Allow: allowOf(level) })
  if (query.has('extract-archive') && method === 'PUT') return 'ExtractArchive'
  if (query.has('bulk-delete') && (method === 'POST' || method === 'DELETE')) return 'BulkDelete'
  const form = /^multipart\/form-data\b/i.test(headers['content-type'] ?? '')
  switch (plain) {
    case 'GetContainer':
      return query.has('versions') ? 'ListVersions' : plain
    case 'PostContainer':
    case 'PostObject':
      return form ? 'FormPost' : plain
    case 'PutObject':
      if (query.get('multipart-manifest') === 'put') return 'PutManifest'
      if (headers['x-copy-from'] !== undefined) return 'CopyObject'
      return query.has('version-id') ? 'MakeCurrent' : plain
    default:
      return plain
  }
}

/**
 * Names the operation. `prefix` is the reseller prefix. Throws SwiftError: 404 for `/`; 412 for a path that is no
 * UTF-8, holds a NUL or names no account; 400 for an unknown version, a name that is too long, a parameter that
 * cannot be read, and a parameter of a feature that is not built; 405 with Allow.
 */
export function detect(
  method: string,
  target: Pick<Target, 'path' | 'query'>,
  headers: IncomingHttpHeaders,
  prefix: string,
): SwiftRequest {
  const path = decodePercent(target.path, false)
  if (path === undefined || path.includes('\0')) {
    throw new SwiftError(412, 'Invalid UTF8 or contains NULL')
  }
  const query = parseQuery(target.query)
  const outside = (operation: OperationName, level?: Level): SwiftRequest => ({
    operation,
    level,
    accountName: undefined,
    account: undefined,
    container: undefined,
    object: undefined,
    query,
  })
  if (path === '/info') return outside(operationOf('info', method, query, headers), 'info')
  if (path === '/healthcheck') {
    return outside(operationOf('health', method, query, headers), 'health')
  }
  if (path === '/crossdomain.xml') return outside('Crossdomain')
  const [version, accountName, container, object] = splitPath(path)
  if (version === 'auth') return outside(method === 'DELETE' ? 'Logout' : 'Auth')
  if (version === '') throw new SwiftError(404)
  if (accountName === '' || (container === '' && object !== '')) {
    throw new SwiftError(412, 'Bad URL')
  }
  if (version !== 'v1' && version !== 'v1.0') throw new SwiftError(400)
  requireLength('Account', accountName, ACCOUNT_NAME_BYTES_MAX)
  requireLength('Container', container, CONTAINER_NAME_BYTES_MAX)
  requireLength('Object', object, OBJECT_NAME_BYTES_MAX)
  requireBuilt(query)
  const level = object !== '' ? 'object' : container !== '' ? 'container' : 'account'
  return {
    operation: operationOf(level, method, query, headers),
    level,
    accountName,
    account: storageIdOf(accountName, prefix),
    container: container || undefined,
    object: object || undefined,
    query,
  }
}
