// A closed store with one volume, which a test breaks, and its salvage without a catalog: the saved blobs are
// live.
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { locationOf } from '../../lib/blobs/directory.ts'
import { makeFormats } from '../../lib/blobs/formats.ts'
import type { VolumeHeader } from '../../lib/blobs/header.ts'
import { LiveRecords } from '../../lib/blobs/reclaim-live.ts'
import { FoundRecords } from '../../lib/blobs/salvage/find.ts'
import { salvageVolume } from '../../lib/blobs/salvage/salvage.ts'
import { Space } from '../../lib/blobs/space.ts'
import { classicEngine, type Engine } from '../../lib/leveldb/engine.ts'
import { Rate } from '../../lib/plain-file.ts'
import { type SavedBlob, saveBlob, until } from './blobs.ts'
import { CATALOG_ID, openStore, WRITE_BUFFER_BYTES } from './volumes.ts'

export interface BrokenVolume {
  /** The store's directory, with its one device in `device`. */
  readonly directory: string
  readonly volume: string
  /** The id of each live blob, and the pieces of its locator in hex. */
  readonly live: readonly (readonly [id: string, pieces: readonly string[]])[]
}

export const deviceOf = ({ directory }: { directory: string }) => join(directory, 'device')

/** The directory of a generation. */
export const placeOf = (broken: BrokenVolume, generation = 1) =>
  locationOf(deviceOf(broken), broken.volume, generation)

/** A sealed volume with blobs of these lengths. Where `settled`, its records are in tables. */
export async function makeVolume(
  directory: string,
  blobs: readonly (readonly number[])[],
  settled: boolean,
): Promise<BrokenVolume & { readonly saved: readonly SavedBlob[] }> {
  const store = await openStore(classicEngine, directory)
  const saved: SavedBlob[] = []
  for (const lengths of blobs) saved.push(await saveBlob(store, lengths))
  const { volume } = saved[0]!.locator
  await store.roll(volume)
  const stateOf = async () => (await store.usage()).find((usage) => usage.volume === volume)?.state
  await until(async () => (await stateOf()) === 'sealed')
  await store.close()
  // To open the volume writes its log to tables.
  if (settled) await (await openStore(classicEngine, directory)).close()
  const pieces = ({ locator }: SavedBlob) => locator.pieces.map((piece) => piece.toString('hex'))
  return { directory, volume, saved, live: saved.map((blob) => [blob.id, pieces(blob)] as const) }
}

/** Names of the volume's files with records or indexes. */
export function filesOf(broken: BrokenVolume): string[] {
  return readdirSync(placeOf(broken))
    .filter((name) => /\.(ldb|log)$|^(MANIFEST|CURRENT)/.test(name))
    .map((name) => join(placeOf(broken), name))
    .filter((path) => statSync(path).size > 0)
    .sort()
}

export async function findIn(broken: BrokenVolume, generation = 1) {
  const live = new LiveRecords(broken.volume, Number.MAX_SAFE_INTEGER)
  for (const [id, pieces] of broken.live) {
    live.add(
      id,
      pieces.map((piece) => Buffer.from(piece, 'hex')),
    )
  }
  const rate = new Rate(Number.POSITIVE_INFINITY)
  return { live, found: await FoundRecords.read(placeOf(broken, generation), live, rate) }
}

/** Salvages generation 1. Returns how many records were found. */
export async function salvageBroken(
  engine: Engine,
  broken: BrokenVolume,
  reserveBytes = 0,
): Promise<number> {
  const directory = deviceOf(broken)
  const { live, found } = await findIn(broken)
  const header: VolumeHeader = {
    sealed: true,
    volume: broken.volume,
    catalog: CATALOG_ID,
    commitNumber: 7,
  }
  const log = { info() {}, error() {} }
  const site = {
    files: engine,
    format: makeFormats(
      { engine, volumeFormat: 'level', writeBufferBytes: WRITE_BUFFER_BYTES, log },
      directory,
    ).configured,
    directory,
    space: new Space(engine, directory, reserveBytes),
    log,
  }
  const options = {
    signal: new AbortController().signal,
    pace: async () => {},
    progress: () => {},
  }
  try {
    const damaged = { id: broken.volume, generation: 1, live, found, header }
    await salvageVolume(site, damaged, options)
    return found.records
  } finally {
    await found.close()
  }
}
