// Access lists in the syntax of Swift: the read and write lists of a container, and the JSON list of an
// account. All functions are pure. Lists are header values, and rows keep them as such: byte strings of UTF-8,
// one character for each byte. The rules are those of OpenStack Swift 2.30 for container ACLs and for
// TempAuth's account ACLs.
import { isUtf8 } from 'node:buffer'
import type { Identity } from './identity.ts'

/** A list that is refused. The message is a sentence for the client. */
export class AclInvalid extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'AclInvalid'
  }
}

/** A container's list, by the kinds of its elements. */
export interface AccessList {
  /** Accounts and users, as written. */
  readonly groups: readonly string[]
  /** Hosts in the order of the list, without `.r:`. */
  readonly referrers: readonly string[]
  /** Requests that a referrer element lets in may also list the container. */
  readonly listings: boolean
}

/** Who else has rights on everything in an account. Entries are `account` or `account:user`. */
export interface AccountAcl {
  /** Users who have all rights of the account's own admins. */
  readonly admin: readonly string[]
  /** Users who may write containers and objects, but no settings of the account and no lists. */
  readonly readWrite: readonly string[]
  readonly readOnly: readonly string[]
}

const referrerWords = new Set(['.r', '.ref', '.referer', '.referrer'])

/** Removes blanks of a header. String.trim would also remove the byte A0, which may be half a letter. */
const strip = (text: string) => text.replace(/^[ \t]+/, '').replace(/(?<![ \t])[ \t]+$/, '')

/**
 * A container's list in the form in which rows keep it: no blanks around elements, no empty elements, one
 * spelling for referrers. Throws AclInvalid. https://docs.openstack.org/swift/2.30.1/overview_acl.html
 */
export function cleanAcl(value: string, kind: 'read' | 'write'): string {
  if (/[\u0100-\uffff]/.test(value)) {
    throw new AclInvalid('An access list is UTF-8, one character a byte')
  }
  return value
    .split(',')
    .map(strip)
    .filter((element) => element !== '')
    .map((element) => cleanElement(element, kind))
    .join(',')
}

function cleanElement(element: string, kind: 'read' | 'write'): string {
  const colon = element.indexOf(':')
  const word = colon === -1 ? '' : strip(element.slice(0, colon))
  if (!word.startsWith('.')) return element
  if (!referrerWords.has(word)) {
    throw new AclInvalid(`Unknown designator '${word}' in access list element '${element}'`)
  }
  if (kind === 'write') {
    throw new AclInvalid(`A write list cannot name referrers: '${element}'`)
  }
  const named = strip(element.slice(colon + 1))
  const denies = named.startsWith('-')
  const host = withoutStar(denies ? strip(named.slice(1)) : named)
  if (host === '' || host === '.') {
    throw new AclInvalid(`No host or domain after the referrer designator in '${element}'`)
  }
  return `.r:${denies ? '-' : ''}${host}`
}

/** `*.example.com` is kept as `.example.com`. `*` alone is every host. */
const withoutStar = (host: string) =>
  host !== '*' && host.startsWith('*') ? strip(host.slice(1)) : host

/** The elements of a cleaned list. */
export function parseAcl(list: string): AccessList {
  const elements = list === '' ? [] : list.split(',')
  const isReferrer = (element: string) => element.startsWith('.r:')
  return {
    groups: elements.filter((element) => !isReferrer(element) && element !== '.rlistings'),
    referrers: elements.filter(isReferrer).map((element) => element.slice('.r:'.length)),
    listings: elements.includes('.rlistings'),
  }
}

/**
 * True where the list lets the host of a Referer header in. Elements count in their order, and the last that
 * matches decides. A request without such a header, or with one that names no host, comes from the host
 * `unknown`.
 */
export function referrerAllowed(
  referrer: string | undefined,
  elements: AccessList['referrers'],
): boolean {
  if (elements.length === 0) return false
  const host = hostOf(referrer ?? '')
  let allowed = false
  for (const element of elements) {
    const denies = element.startsWith('-')
    if (matchesHost(host, denies ? element.slice(1) : element)) allowed = !denies
  }
  return allowed
}

/** Hosts are compared in lower case (RFC 9110 §4.2.3). `.example.com` matches every host below example.com,
 * not that host. */
function matchesHost(host: string, pattern: string): boolean {
  if (pattern === '*') return true
  const name = pattern.toLowerCase()
  return name.startsWith('.') ? host.endsWith(name) : host === name
}

function hostOf(referrer: string): string {
  // Without `//` a URL has no authority, although the parser would find one for http.
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(referrer) ? URL.parse(referrer) : null
  const host = url?.hostname.toLowerCase().replace(/^\[(.*)\]$/, '$1')
  return host || 'unknown'
}

/**
 * True where an element names the user or the user's account. An element is `account`, `account:user` with `*`
 * for either half, or `*` for every authenticated user. Names may be percent-encoded, because they may hold a
 * comma.
 */
export function groupAllowed(identity: Identity, elements: AccessList['groups']): boolean {
  return elements.some((element) => namesGroup(identity, element))
}

function namesGroup({ account, user }: Identity, element: string): boolean {
  if (element === '*' || element === '*:*') return true
  if (element.startsWith('*:')) return decodeName(element.slice(2)) === user
  if (element.endsWith(':*')) return decodeName(element.slice(0, -2)) === account
  return isNamed({ account, user }, decodeName(element))
}

/** True where `name` is the user or its account. An account whose id holds a colon would read as a user of
 * another account, so that such an account never matches as a whole. */
function isNamed({ account, user }: Omit<Identity, 'roles'>, name: string | undefined): boolean {
  if (name === undefined) return false
  return name.includes(':') ? name === `${account}:${user}` : name === account
}

/** Bytes, percent-encoded or not, as text; undefined where they are not UTF-8. */
function decodeName(name: string): string | undefined {
  const plain = name.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16)))
  const bytes = Buffer.from(plain, 'latin1')
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined
}

const lists = { admin: 'admin', 'read-write': 'readWrite', 'read-only': 'readOnly' } as const

/**
 * An account's list from the JSON of X-Account-Access-Control: lists of users as `account` or `account:user`
 * under `admin`, `read-write` and `read-only`. The empty text is an empty list. Throws AclInvalid.
 */
export function parseAccountAcl(json: string): AccountAcl {
  const acl: Record<'admin' | 'readWrite' | 'readOnly', readonly string[]> = {
    admin: [],
    readWrite: [],
    readOnly: [],
  }
  for (const [key, value] of Object.entries(json === '' ? {} : readObject(json))) {
    if (!Object.hasOwn(lists, key)) throw new AclInvalid(`Unknown key ${JSON.stringify(key)}`)
    if (!Array.isArray(value)) throw new AclInvalid(`The value of "${key}" is not a list`)
    if (!value.every((name) => typeof name === 'string')) {
      throw new AclInvalid(`The list "${key}" may hold nothing but strings`)
    }
    acl[lists[key as keyof typeof lists]] = value
  }
  return acl
}

function readObject(json: string): object {
  const bytes = Buffer.from(json, 'latin1')
  if (!isUtf8(bytes)) throw new AclInvalid('Not UTF-8')
  let value: unknown
  try {
    value = JSON.parse(bytes.toString('utf8'))
  } catch {
    throw new AclInvalid('Not JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new AclInvalid('Not a JSON object')
  }
  return value
}

/** The JSON of an account's list as Swift writes it: in ASCII, without the lists that are empty. */
export function formatAccountAcl({ admin, readOnly, readWrite }: AccountAcl): string {
  const all = { admin, 'read-only': readOnly, 'read-write': readWrite }
  const named = Object.entries(all).filter(([, names]) => names.length > 0)
  const json = JSON.stringify(Object.fromEntries(named))
  return json.replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** True where the account's list names the user or the user's whole account. */
export function accountNamed(identity: Identity, names: readonly string[]): boolean {
  return names.some((name) => isNamed(identity, name))
}
