// Checks objects against their versions: the row of each object agrees with its versions, lies under the key
// for its current version, and each version that expires has a row for its second.

import type { Row } from '../catalog/catalog.ts'
import type { RowSource } from '../catalog/check-rows.ts'
import { endOf, expiryPrefix, rowKeys, splitNameAndId, versionPrefix } from '../catalog/keys.ts'
import {
  containerRow,
  expiryRow,
  type ObjectRow,
  objectRow,
  type VersionRow,
  versionRow,
} from '../catalog/rows.ts'
import type { RowMacs } from '../crypto/row-mac.ts'
import type { ObjectRef } from '../service/types.ts'
import { isMarker, summarize } from '../service/versions.ts'
import { type Findings, type Repair, type Sums, shown, unchanged } from './fsck-report.ts'

interface Version {
  readonly id: string
  readonly row: VersionRow
  readonly holds: boolean
}

export interface ObjectCheck {
  readonly rows: RowSource
  readonly findings: Findings
  /** Counters of containers and accounts, computed from the rows. */
  readonly sums: Sums
  readonly macs: RowMacs
  /** Called for every version that has a body. */
  readonly body: (ref: ObjectRef, version: string, row: VersionRow) => Promise<void>
}

/** Checks all objects, and that no row of an object or an expiry stands alone. */
export async function checkObjects(check: ObjectCheck): Promise<void> {
  const expected = new Set<string>()
  for await (const { ref, versions } of walkObjects(check)) {
    for (const { id, row } of versions) {
      check.sums.add(rowKeys.containerUsage(ref.account, ref.container), 0, row.size, 1)
      check.sums.add(rowKeys.accountUsage(ref.account), 0, 0, row.size)
      if (row.body !== null) await check.body(ref, id, row)
    }
    await checkObject(check, ref, versions, expected)
  }
  await checkLoneRows(check)
  await checkLoneExpiry(check, expected)
}

/** Every object that has versions, with all of them, newest first. */
async function* walkObjects({
  rows,
  macs,
}: ObjectCheck): AsyncGenerator<{ ref: ObjectRef; versions: Version[] }> {
  let current: { prefix: string; ref: ObjectRef; versions: Version[] } | undefined
  for await (const stored of rows.scan('version/', endOf('version/'))) {
    const { key } = stored
    const [, account, container] = key.split('/') as [string, string, string]
    const { name, id } = splitNameAndId(key.slice(versionPrefix(account, container).length))
    const prefix = key.slice(0, key.length - id.length)
    if (current?.prefix !== prefix) {
      if (current !== undefined) yield current
      current = { prefix, ref: { account, container, object: name }, versions: [] }
    }
    current.versions.push({ id, ...versionRow.read(stored, macs) })
  }
  if (current !== undefined) yield current
}

async function checkObject(
  { rows, findings, sums }: ObjectCheck,
  ref: ObjectRef,
  versions: readonly Version[],
  expiring: Set<string>,
): Promise<void> {
  const { account, container, object } = ref
  const visible = await rows.get(rowKeys.object(account, container, object))
  const hidden = await rows.get(rowKeys.hidden(account, container, object))
  const name = shown(`${account}/${container}/${object}`)
  if (visible !== undefined && hidden !== undefined) {
    findings.add('object', `${name} has two rows, a visible one and a hidden one`)
  }
  const stored = visible ?? hidden
  const row = stored === undefined ? await provenRow(rows, ref, versions) : decode(stored)
  if (row === undefined) {
    findings.add('object', `${name} has ${versions.length} versions and no row that names one`)
    return
  }
  const find = (id: string | null) => versions.find((version) => version.id === id)
  if (row.nullVersion !== null && find(row.nullVersion) === undefined) {
    findings.add('object', `${name}: its null version ${row.nullVersion} has no row`)
  }
  const current = find(row.current)
  if (row.current !== null && current === undefined) {
    findings.add('object', `${name}: its current version ${row.current} has no row`)
    if (visible !== undefined) countShown(sums, ref)
    return
  }
  // What a version says that nobody proves is no reason to rewrite a listing.
  if (current?.holds === false) return
  const isShown = current !== undefined && !isMarker(current.row)
  if (isShown) countShown(sums, ref)
  const right = { ...row, summary: isShown ? summarize(current.row) : null }
  const isPlaced = (isShown ? visible : hidden) !== undefined && !(visible && hidden)
  if (!isPlaced || !objectRow.says(stored!.value, right)) {
    const what = `${name}: its row does not say what its current version says`
    if (visible && hidden) findings.add('object', what)
    else findings.add('object', what, rewrite(ref, { visible, hidden }, isShown, right))
  }
  const due = current?.row.deleteAtSeconds ?? null
  if (due !== null) await checkExpiry({ rows, findings }, ref, due, current!.id, expiring)
}

function decode(stored: Row): ObjectRow {
  return objectRow.decode(stored.value)
}

const countShown = (sums: Sums, { account, container }: ObjectRef) => {
  sums.add(rowKeys.containerUsage(account, container), 1, 0, 0)
  sums.add(rowKeys.accountUsage(account), 0, 1, 0)
}

/** The missing row of an object. It can be computed only where versions were never kept, because then the one
 * version is current. */
async function provenRow(
  rows: RowSource,
  { account, container }: ObjectRef,
  versions: readonly Version[],
): Promise<ObjectRow | undefined> {
  const held = await rows.get(rowKeys.container(account, container))
  const versioning =
    held === undefined ? 'enabled' : containerRow.decodeUnproven(held.value).versioning
  if (versions.length !== 1 || versioning != null) return undefined
  const { id } = versions[0]!
  return { current: id, nullVersion: id, summary: null }
}

function rewrite(
  { account, container, object }: ObjectRef,
  { visible, hidden }: { visible: Row | undefined; hidden: Row | undefined },
  isShown: boolean,
  row: ObjectRow,
): Repair {
  const keys = {
    visible: rowKeys.object(account, container, object),
    hidden: rowKeys.hidden(account, container, object),
  }
  const wrong = isShown ? hidden : visible
  return {
    what: 'write the row anew from the version',
    expect: [unchanged(keys.visible, visible), unchanged(keys.hidden, hidden)],
    put: [{ key: isShown ? keys.visible : keys.hidden, value: objectRow.encode(row) }],
    del: wrong === undefined ? [] : [wrong.key],
  }
}

async function checkExpiry(
  { rows, findings }: Pick<ObjectCheck, 'rows' | 'findings'>,
  ref: ObjectRef,
  due: number,
  version: string,
  expiring: Set<string>,
): Promise<void> {
  const key = rowKeys.expiry(due, version)
  expiring.add(key)
  if ((await rows.get(key)) !== undefined) return
  const { account, container, object } = ref
  const value = expiryRow.encode({ account, container, object })
  const expect = [{ key, revision: null }]
  const repair = { what: 'write the row', expect, put: [{ key, value }] }
  findings.add('expiry', `${shown(key)}: no row, and its object would never expire`, repair)
}

/** Checks for rows of objects that have no version. */
async function checkLoneRows({ rows, findings }: ObjectCheck): Promise<void> {
  for (const prefix of ['object/', 'hidden/']) {
    for await (const stored of rows.scan(prefix, endOf(prefix))) {
      const [, account, container] = stored.key.split('/') as [string, string, string]
      const object = stored.key.slice(`${prefix}${account}/${container}/`.length)
      const versions = versionPrefix(account, container, object)
      const { current } = objectRow.decode(stored.value)
      if (current !== null && (await rows.get(versions + current)) !== undefined) continue
      if (await hasAny(rows, versions)) continue
      findings.add('object', `${shown(stored.key)}: the object has no version`)
    }
  }
}

async function hasAny(rows: RowSource, prefix: string): Promise<boolean> {
  for await (const _ of rows.scan(prefix, endOf(prefix))) return true
  return false
}

async function checkLoneExpiry(
  { rows, findings }: ObjectCheck,
  expected: ReadonlySet<string>,
): Promise<void> {
  for await (const row of rows.scan(expiryPrefix, endOf(expiryPrefix))) {
    if (expected.has(row.key)) continue
    const expect = [unchanged(row.key, row)]
    const repair = { what: 'remove the row', expect, del: [row.key] }
    findings.add('expiry', `${shown(row.key)}: no current version expires then`, repair)
  }
}
