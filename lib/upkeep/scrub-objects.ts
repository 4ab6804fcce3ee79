// The objects that a rotten row or record belongs to. Rows point from names to bytes, so that all versions are
// read once for all findings.
import type { RowSource } from '../catalog/check-rows.ts'
import { endOf, splitNameAndId } from '../catalog/keys.ts'
import { type UploadRow, uploadRow, type VersionRow, versionRow } from '../catalog/rows.ts'

/** A version, or an unfinished upload, of an object. */
export interface NamedVersion {
  readonly account: string
  readonly container: string
  readonly object: string
  readonly version?: string
  readonly upload?: string
}

/** The object that the key of a row names; undefined where it names none. */
export function versionOfKey(key: string): NamedVersion | undefined {
  const [kind, account, container] = key.split('/')
  if (account === undefined || container === undefined) return undefined
  const rest = key.slice(`${kind}/${account}/${container}/`.length)
  if (kind === 'object' || kind === 'hidden') return { account, container, object: rest }
  if (kind !== 'version' && kind !== 'upload') return undefined
  const { name, id } = splitNameAndId(rest)
  const ref = { account, container, object: name }
  return kind === 'version' ? { ...ref, version: id } : { ...ref, upload: id }
}

/** The body in the key of a row; undefined where the key has none. */
export function bodyOfKey(key: string): string | undefined {
  return /^(?:body|layout|segment)\/([0-9a-f]{32})/.exec(key)?.[1]
}

/** The versions and uploads that hold each of the bodies. */
export async function holdersOf(
  rows: RowSource,
  bodies: ReadonlySet<string>,
): Promise<Map<string, NamedVersion[]>> {
  const holders = new Map<string, NamedVersion[]>()
  if (bodies.size === 0) return holders
  for (const [prefix, codec] of [
    ['version/', versionRow],
    ['upload/', uploadRow],
  ] as const) {
    for await (const { key, value } of rows.scan(prefix, endOf(prefix))) {
      const { body } = codec.decodeUnproven(value) as VersionRow | UploadRow
      if (body === null || !bodies.has(body)) continue
      holders.set(body, [...(holders.get(body) ?? []), versionOfKey(key)!])
    }
  }
  return holders
}
