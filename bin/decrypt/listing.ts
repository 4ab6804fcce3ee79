// What a catalog holds, one line of JSON for each version (https://jsonlines.org). No key is needed: all of it lies in the
// clear in its rows.
import {
  type Catalog,
  nameOfKey,
  type ObjectName,
  readObject,
  type Scope,
  versionEntries,
} from './catalog.ts'
import { Failure } from './failure.ts'
import { decodeRow, type Rows } from './rows.ts'

/** A version that was found, or a row of one that is damaged. */
export type Found =
  | {
      readonly name: ObjectName
      readonly versionId: string
      readonly row: Rows['version']
      readonly shown: object
    }
  | { readonly key: string; readonly failure: Failure }

/** What lines say of a version. */
function describe(name: ObjectName, versionId: string, row: Rows['version'], isCurrent: boolean) {
  const { timeMicros, size, etag, parts, headers, metadata, checksum, rights } = row
  const { kind, rootKeyId } = row.envelope ?? {}
  return {
    ...name,
    version: versionId,
    current: isCurrent,
    time: new Date(timeMicros / 1000).toISOString(),
    ...(row.body === null
      ? { deleteMarker: true }
      : {
          size,
          etag,
          parts,
          sealedUnder: kind === 1 ? { rootKey: rootKeyId } : 'customer key',
          headers,
          metadata,
          checksum: checksum && { algorithm: checksum.algorithm, type: checksum.type },
          deleteAtSeconds: row.deleteAtSeconds,
        }),
    writer: rights.writer,
  }
}

/** All versions in the scope, by name, newest first. A damaged row does not end the list. Throws what reading throws. */
export async function* findAll(catalog: Catalog, scope: Scope): AsyncGenerator<Found> {
  let last: { readonly name: ObjectName; readonly current: string | null } | undefined
  for await (const { key, value } of versionEntries(catalog, scope)) {
    try {
      const { name, versionId } = nameOfKey(key)
      const row = decodeRow('version', key, value)
      if (last?.name.object !== name.object || !isSameContainer(last.name, name)) {
        last = { name, current: (await readObject(catalog, name))?.current ?? null }
      }
      const described = describe(name, versionId, row, last.current === versionId)
      const proven = catalog.rights?.holds(key, value)
      const shown = proven === undefined ? described : { ...described, proven }
      yield { name, versionId, row, shown }
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      yield { key: key.toString('utf8'), failure: error }
    }
  }
}

const isSameContainer = (a: ObjectName, b: ObjectName) =>
  a.account === b.account && a.container === b.container

/** A value as one line. Characters with which a terminal could be made to show something else are escaped. */
export function lineOf(value: object): string {
  const text = JSON.stringify(value).replace(
    /[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return `${text}\n`
}
