// The rows that lead from an object's name to its sealed bytes, and from a catalog to all names in it: their keys, written
// from docs/format.md §5 alone.
import { join } from 'node:path'
import { openBackup } from './backup.ts'
import { openCatalogDatabase, type Rows } from './database.ts'
import { Failure } from './failure.ts'
import { noteVersion, type Rights } from './rights.ts'
import { decodeRow, type Kind, payloadOf, type Rows as RowKinds } from './rows.ts'
import type { StoredEnvelope } from './sealed.ts'

export interface ObjectName {
  readonly account: string
  readonly container: string
  readonly object: string
}

export interface Catalog {
  readonly rows: Rows
  /** The catalog's id, which every volume carries. */
  readonly id: string
  /** Why rows may be missing that were there once; undefined where none can be. */
  readonly doubt?: string | undefined
  /** Checks MACs; undefined where no keyring is at hand. */
  rights?: Rights | undefined
}

/** A version with a body. */
export interface StoredVersion extends Omit<RowKinds['version'], 'body' | 'envelope'> {
  readonly versionId: string
  readonly body: string
  readonly envelope: StoredEnvelope
}

export type StoredSegment = RowKinds['segment'] & {
  /** Its number in the body. */
  readonly number: number
}

/** Opens the catalog of a data directory. `shadow` is a new directory, which the caller removes. */
export async function openCatalog(data: string, shadow: string): Promise<Catalog> {
  const { rows, doubt } = await openCatalogDatabase(join(data, 'catalog'), shadow)
  const meta = await readRow(rows, 'meta', 'meta')
  if (meta === undefined) {
    await rows.close()
    throw new Failure('damaged', 'the catalog has no row "meta"')
  }
  return { rows, id: meta.catalogId, doubt }
}

/** Opens a backup in place of a catalog. */
export async function openBackedUp(file: string): Promise<Catalog> {
  const { rows, catalogId } = await openBackup(file)
  return { rows, id: catalogId }
}

async function readRow<K extends Kind>(rows: Rows, kind: K, key: string) {
  const keyBytes = Buffer.from(key, 'utf8')
  const value = await rows.get(keyBytes)
  return value && decodeRow(kind, keyBytes, value)
}

/** What to throw where a row is not there. What the log lacks may have had it. */
function missing({ doubt }: Catalog, what: string): Failure {
  if (doubt === undefined) return new Failure('missing', what)
  return new Failure('damaged', `${what}, but the catalog's log is not whole: ${doubt}`)
}

/** A name in a key with an id behind it: U+0000 becomes U+0000 U+0002, and U+0000 U+0001 ends the name. */
const END = '\0\u0001'
const escaped = (object: string) => `${object.replaceAll('\0', '\0\u0002')}${END}`
const unescaped = (object: string) => object.replaceAll('\0\u0002', '\0')

/** The row of an object; undefined where it has no versions. */
export async function readObject(
  { rows }: Catalog,
  { account, container, object }: ObjectName,
): Promise<RowKinds['object'] | undefined> {
  const name = `${account}/${container}/${object}`
  return (
    (await readRow(rows, 'object', `object/${name}`)) ??
    (await readRow(rows, 'object', `hidden/${name}`))
  )
}

/**
 * The version `asked`: an id, `null` for the null version, undefined for the current one. Throws Failure
 * missing where there is none, or it is a delete marker.
 */
export async function findVersion(
  catalog: Catalog,
  name: ObjectName,
  asked: string | undefined,
): Promise<StoredVersion> {
  let versionId: string | null | undefined = asked
  if (asked === undefined || asked === 'null') {
    const object = await readObject(catalog, name)
    if (object === undefined) throw missing(catalog, 'there is no such object')
    versionId = asked === undefined ? object.current : object.nullVersion
  }
  if (!versionId) throw missing(catalog, 'the object has no such version')
  const { account, container, object } = name
  const key = `version/${account}/${container}/${escaped(object)}${versionId}`
  const keyBytes = Buffer.from(key, 'utf8')
  const value = await catalog.rows.get(keyBytes)
  if (value === undefined) throw missing(catalog, 'there is no such version of the object')
  const row = decodeRow('version', keyBytes, value)
  noteVersion(catalog, keyBytes, value)
  return withBody(versionId, row)
}

/** Throws Failure missing for a delete marker. */
export function withBody(versionId: string, row: RowKinds['version']): StoredVersion {
  const { body, envelope } = row
  if (body === null || envelope === null) {
    throw new Failure('missing', 'that version is a delete marker')
  }
  return { ...row, versionId, body, envelope }
}

/** Which versions are wanted: of one account, or of one container of it, or all. */
export interface Scope {
  readonly account?: string | undefined
  readonly container?: string | undefined
}

/** A version's row, with what its key says. */
export interface VersionEntry {
  readonly key: Buffer
  readonly value: Buffer
}

/** Rows of all versions, by account, container and name, newest first. Nothing of them is checked. */
export async function* versionEntries(
  { rows }: Catalog,
  { account, container }: Scope,
): AsyncGenerator<VersionEntry> {
  const names =
    account === undefined ? [] : container === undefined ? [account] : [account, container]
  const prefix = ['version', ...names, ''].join('/')
  for await (const [key, value] of rows.below(Buffer.from(prefix))) yield { key, value }
}

/** The name and the version id in the key of a version. Throws Failure damaged. */
export function nameOfKey(key: Buffer): { name: ObjectName; versionId: string } {
  const text = key.toString('utf8')
  const [, account = '', container = '', ...rest] = text.split('/')
  const behind = rest.join('/')
  const end = behind.lastIndexOf(END)
  const versionId = behind.slice(end + END.length)
  const isSound = end >= 0 && /^[0-9a-f]{32}$/.test(versionId) && Buffer.from(text).equals(key)
  if (!isSound) throw new Failure('damaged', `${JSON.stringify(text)} is no key of a version`)
  return { name: { account, container, object: unescaped(behind.slice(0, end)) }, versionId }
}

/** The row of a list of parts; undefined where there is none. */
export const readLayout = ({ rows }: Catalog, body: string) =>
  readRow(rows, 'layout', `layout/${body}`)

/** The row of a segment. Throws Failure damaged where it is missing. */
export async function readSegment(
  { rows }: Catalog,
  body: string,
  number: number,
): Promise<StoredSegment> {
  const key = `segment/${body}/${String(number).padStart(5, '0')}`
  const row = await readRow(rows, 'segment', key)
  if (row === undefined) throw new Failure('damaged', `the row of segment ${number} is missing`)
  return { ...row, number }
}

/** A piece of a blob's locator. Throws Failure damaged where it is missing. */
export async function readLocator({ rows }: Catalog, blob: string, piece: number): Promise<Buffer> {
  const key = `blob/${blob}/${piece.toString(16).padStart(8, '0')}`
  const value = await rows.get(Buffer.from(key))
  if (value === undefined) throw new Failure('damaged', `row ${key} is missing`)
  return payloadOf(Buffer.from(key), value)
}
