// Finds where the records of a file lie: by the index, and by walking what is not in it.
import { join } from 'node:path'
import type { Files } from '../../files.ts'
import { PlainFile, Rate } from '../../plain-file.ts'
import { type Indexed, loadIndex } from './index-file.ts'
import { RECORDS_NAME } from './layout.ts'
import { Places } from './places.ts'
import { walkRecords } from './walk.ts'

export interface FoundPlaces {
  readonly places: Places
  readonly indexed: Indexed
  /** A piece behind the index cannot be read, or is gone. Later numbers may have been in it. */
  readonly isUnread: boolean
}

/** The places of all records in a file of `size` bytes. Rejects with the system's error. */
export async function findPlaces(
  files: Files,
  location: string,
  size: number,
): Promise<FoundPlaces> {
  const places = new Places()
  const { isBeyond, ...indexed } = await loadIndex(files, location, size, places)
  let isUnread = isBeyond
  const file = await PlainFile.open(
    join(location, RECORDS_NAME),
    new Rate(Number.POSITIVE_INFINITY),
  )
  try {
    const behind = { from: indexed.end, after: indexed.number }
    const records = walkRecords(file, behind, () => {
      isUnread = true
    })
    for await (const { number, offset, length } of records) places.add(number, offset, length)
  } finally {
    await file.close()
  }
  return { places, indexed, isUnread }
}
