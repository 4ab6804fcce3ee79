// The tables and logs of a LevelDB database: all edits in the manifest that CURRENT names, applied in order
// (LevelDB's db/version_edit.cc). A file that no edit names is left over or unfinished, and not part of the
// database.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Damage } from '../damage.ts'
import { PlainFile, type Rate } from '../plain-file.ts'
import { Cursor, Malformed, userKey } from './coding.ts'
import { logRecords } from './log-file.ts'

export interface TableName {
  readonly number: number
  readonly level: number
  readonly size: number
  /** The least and greatest user key. Keys in the table's index may be shortened, and lie between its own. */
  readonly least: Buffer
  readonly greatest: Buffer
}

export interface Manifest {
  readonly tables: readonly TableName[]
  /** Logs from this number on hold the entries that are in no table. */
  readonly logNumber: number
  readonly damages: readonly Damage[]
  /** A file that is named and is missing. */
  readonly vanished?: string
}

/** Reads the manifest. Rejects with the system's error where CURRENT or the manifest cannot be opened. */
export async function readManifest(location: string, rate: Rate): Promise<Manifest> {
  const current = await readFile(join(location, 'CURRENT'), 'latin1')
  const name = /^(MANIFEST-\d+)\n$/.exec(current)?.[1]
  const damages: Damage[] = []
  if (name === undefined) {
    damages.push({ file: 'CURRENT', offset: 0, what: 'names no manifest' })
    return { tables: [], logNumber: 0, damages }
  }
  const file = await PlainFile.open(join(location, name), rate).catch(ignoreMissing)
  if (file === undefined) {
    damages.push({ file: 'CURRENT', offset: 0, what: `names ${name}, which is missing` })
    return { tables: [], logNumber: 0, damages, vanished: name }
  }
  const tables = new Map<number, TableName>()
  let logNumber = 0
  try {
    for await (const record of logRecords(file)) {
      if (!Buffer.isBuffer(record)) damages.push(record)
      else logNumber = apply(record, tables) ?? logNumber
    }
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    damages.push({ file: name, offset: 0, what: error.message })
  } finally {
    await file.close()
  }
  return { tables: [...tables.values()], logNumber, damages }
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}

/** Applies an edit. Returns the log number where the edit has one. Throws Malformed. */
function apply(edit: Buffer, tables: Map<number, TableName>): number | undefined {
  const cursor = new Cursor(edit)
  let logNumber: number | undefined
  while (!cursor.done) {
    const tag = cursor.varint()
    if (tag === 1) cursor.slice()
    else if (tag === 2) logNumber = cursor.varint()
    else if (tag === 3 || tag === 4 || tag === 9) cursor.varint()
    else if (tag === 5) {
      cursor.varint()
      cursor.slice()
    } else if (tag === 6) {
      cursor.varint()
      tables.delete(cursor.varint())
    } else if (tag === 7) {
      const level = cursor.varint()
      const number = cursor.varint()
      const size = cursor.varint()
      const least = userKey(cursor.slice())
      tables.set(number, { number, level, size, least, greatest: userKey(cursor.slice()) })
    } else throw new Malformed('an edit of the manifest has an unknown tag')
  }
  return logNumber
}
