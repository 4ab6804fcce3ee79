// Rot in one record of a closed volume, of either format.
import { closeSync, openSync, readSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { findPlaces } from '../../lib/blobs/file/find.ts'
import { RECORDS_NAME } from '../../lib/blobs/file/layout.ts'
import { recordKey } from '../../lib/blobs/record.ts'
import { diskFiles } from '../../lib/files.ts'
import { classicEngine } from '../../lib/leveldb/engine.ts'
import { chosenFormat } from './format-choice.ts'

/** Changes the value of a record in place. */
export async function changeRecord(
  location: string,
  number: number,
  change: (value: Buffer) => void,
): Promise<void> {
  await (chosenFormat() === 'file' ? changeInFile : changeInLevel)(location, number, change)
}

async function changeInFile(
  location: string,
  number: number,
  change: (value: Buffer) => void,
): Promise<void> {
  const path = join(location, RECORDS_NAME)
  const { places } = await findPlaces(diskFiles, location, statSync(path).size)
  const { offset, length } = places.of(number)!
  const file = openSync(path, 'r+')
  const value = Buffer.alloc(length)
  readSync(file, value, 0, length, offset)
  change(value)
  writeSync(file, value, 0, length, offset)
  closeSync(file)
}

async function changeInLevel(
  location: string,
  number: number,
  change: (value: Buffer) => void,
): Promise<void> {
  const db = await classicEngine.open(location, {
    keyEncoding: 'buffer',
    writeBufferBytes: 1 << 20,
    maxFileBytes: 1 << 20,
    cacheBytes: 1 << 20,
    create: false,
  })
  const value = (await db.get(recordKey(number)))!
  change(value)
  await db.put(recordKey(number), value)
  await db.close()
}
