// A volume during a scrub: where it lies, which of its records belong to which blobs, and the sentences for its
// findings.
import { setTimeout as sleep } from 'node:timers/promises'
import { locationOf, volumeIdsIn } from '../blobs/directory.ts'
import type { VolumeFiles } from '../blobs/scan.ts'
import type { RecordsFinding, VolumeFinding } from '../blobs/scrub.ts'
import { NamedRecords } from '../blobs/scrub-records.ts'
import { RECORDS_PER_PIECE } from '../blobs/store.ts'
import { openVolumeFiles } from '../blobs/volume-files.ts'
import { namesOn, placesOf } from '../blobs/volume-headers.ts'
import { describeDamage } from '../catalog/check.ts'
import type { RowSource } from '../catalog/check-rows.ts'
import { endOf, rowKeys } from '../catalog/keys.ts'
import { segmentRow, volumeBlobRow } from '../catalog/rows.ts'
import { CofferError } from '../errors.ts'
import type { Rate } from '../plain-file.ts'
import { readErrorOf } from '../system-error.ts'
import { FilesUnreadable, type UnreadableFile, unreadableFile } from '../unreadable.ts'
import { type Finding, volumeFinding } from './finding.ts'

/** Returns where a volume lies now; undefined where it is on none of the devices. Rejects with FilesUnreadable
 * where it may lie on a device that cannot be read. */
export type Locate = () => Promise<string | undefined>

/** Every volume that lies on a device or that a row names, with a function that returns where it lies now.
 * `report` is called with a finding for each device that cannot be read. */
export async function findVolumes(
  devices: readonly string[],
  rows: RowSource,
  report: (finding: Finding) => void,
): Promise<Map<string, Locate>> {
  const ids = new Set<string>()
  const prefix = 'volume-usage/'
  for await (const { key } of rows.scan(prefix, endOf(prefix))) ids.add(key.slice(prefix.length))
  for (const device of devices) {
    try {
      for (const id of volumeIdsIn(await namesOn(device))) ids.add(id)
    } catch (error) {
      for (const { what, code } of filesOf(error)) {
        report({ where: 'device', what: `the device ${device} ${what}`, unreadable: code })
      }
    }
  }
  return new Map(Array.from(ids, (id) => [id, () => locate(devices, id)]))
}

async function locate(devices: readonly string[], id: string): Promise<string | undefined> {
  const [place] = await placesOf(devices, id)
  return place && locationOf(place.device, id, place.generation)
}

const TRIES_MAX = 10
const PAUSE_MS = 50

/**
 * Opens the volume's files; undefined where they are on none of the devices. Reclaim gives the next generation
 * its name before it removes the old one. A generation that is still in its place after it was opened was
 * therefore opened whole. Rejects with the system's error, ENOENT where there is no database (yet).
 */
export async function openVolume(locate: Locate, rate: Rate): Promise<VolumeFiles | undefined> {
  for (let tries = 1; ; tries++) {
    const location = await locate()
    let files: VolumeFiles | undefined
    let failure: NodeJS.ErrnoException | undefined
    try {
      if (location !== undefined) files = await openVolumeFiles(location, rate)
    } catch (error) {
      failure = error as NodeJS.ErrnoException
      if (failure.code !== 'ENOENT') throw error
    }
    const isSame = (await locate()) === location
    if (isSame && failure === undefined) return files
    await files?.close()
    if (tries === TRIES_MAX) throw failure ?? new Error('the volume is replaced again and again')
    await sleep(PAUSE_MS)
  }
}

/** The files that cannot be read, where `error` is about files. Throws any other error. */
export function filesOf(error: unknown): readonly UnreadableFile[] {
  if (error instanceof FilesUnreadable) return error.files
  const found = readErrorOf(error)
  if (found === undefined) throw error
  return [unreadableFile(found, 'a file')]
}

/** Where the volume's blobs lie in it, by the rows. Missing rows are no findings where rows could not be
 * read. */
export async function readNamed(rows: RowSource, volume: string) {
  const named = new NamedRecords()
  const bodies = new Map<string, string>()
  const findings: Finding[] = []
  const prefix = rowKeys.volume(volume, '')
  for await (const { key, value } of rows.scan(prefix, endOf(prefix))) {
    const blob = key.slice(prefix.length)
    const { body, part } = volumeBlobRow.decode(value)
    bodies.set(blob, body)
    const stored = await rows.get(rowKeys.segment(body, part))
    const records = stored === undefined ? 0 : segmentRow.decode(stored.value).records
    const wrong = (what: string) => {
      if (rows.isUnread) return
      findings.push({ ...volumeFinding(volume, `blob ${blob}: ${what}`), blob, body })
    }
    if (stored === undefined) {
      wrong('its segment has no row')
      continue
    }
    const pieces: Buffer[] = []
    for (let piece = 0; piece < Math.ceil(records / RECORDS_PER_PIECE); piece++) {
      const row = await rows.get(rowKeys.blob(blob, piece))
      if (row === undefined) wrong(`piece ${piece} of its locator has no row`)
      else pieces.push(row.value)
    }
    try {
      const found = named.add(blob, pieces)
      if (found !== records) wrong(`its locator has ${found} records, its segment ${records}`)
    } catch (error) {
      if (!(error instanceof CofferError)) throw error
      wrong('its locator is malformed')
    }
  }
  return { named, bodies, findings }
}

export function describeFinding(
  volume: string,
  finding: VolumeFinding,
  bodies: ReadonlyMap<string, string>,
): Finding {
  if (finding.kind === 'file') {
    return volumeFinding(volume, describeNumbers(finding.damage), finding.damage.unreadable)
  }
  if (finding.kind === 'header') return volumeFinding(volume, `its header ${finding.what}`)
  const { record, blob, index, count } = finding
  const sentence = `${numbers(record, count)} (${numbers(index, count)} of blob ${blob}) ${wrongWith(finding)}`
  return {
    ...volumeFinding(volume, sentence, finding.unreadable),
    record,
    records: count,
    blob,
    body: bodies.get(blob)!,
  }
}

const numbers = (first: number, count: number) =>
  count === 1 ? `record ${first}` : `records ${first} to ${first + count - 1}`

function wrongWith({ wrong, count, unreadable }: RecordsFinding): string {
  if (unreadable !== undefined) {
    return count === 1 ? 'is not in what can be read' : 'are not in what can be read'
  }
  if (wrong === 'missing') return count === 1 ? 'is missing' : 'are missing'
  return count === 1 ? 'does not hold its checksum' : 'do not hold their checksums'
}

/** Describes a damage with record numbers, which are the keys of a volume. */
function describeNumbers(damage: Parameters<typeof describeDamage>[0]): string {
  const { keys, ...rest } = damage
  // An index shortens keys. A key of another length sorts behind all records of its table.
  const numberOf = (key: Buffer) =>
    key.length === 8 ? `record ${key.readBigUInt64BE()}` : 'the end of the table'
  if (keys === undefined) return describeDamage(rest)
  const after = keys.after === undefined ? 'the beginning' : numberOf(keys.after)
  return `${describeDamage(rest)} (behind ${after}, up to ${numberOf(keys.last)})`
}
