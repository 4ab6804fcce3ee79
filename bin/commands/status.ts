// `coffer status`: what lies on the devices, how much of it is live, and what the node reclaims. A running node
// answers; where none runs, this process opens the stores in its place.
import type { OpenStores } from '../../lib/coffer.ts'
import { loadConfig } from '../../lib/config/config.ts'
import { callControl } from '../../lib/control.ts'
import {
  type DeviceStatus,
  deviceStatuses,
  queueLength,
  type VolumeStatus,
} from '../../lib/upkeep/reclaim-status.ts'
import type { ReclaimUnderWay } from '../../lib/upkeep/reclaim-worker.ts'
import { fileOf, type SourceOptions } from '../program.ts'
import { shownBytes, shownShare } from './bytes.ts'
import { withStores } from './stores.ts'

export interface StatusOptions extends SourceOptions {
  readonly json?: boolean
}

export interface NodeStatus {
  readonly catalog: {
    readonly id: string
    readonly commitNumber: number
    readonly impaired: string | null
  }
  /** Rows that wait for the sweep. */
  readonly queue: number
  /** `off`: why nothing can be reclaimed; null where it can. */
  readonly reclaim: { readonly off: string | null; readonly underWay: ReclaimUnderWay | null }
  readonly devices: readonly DeviceStatus[]
}

/** Prints the state of the node. Rejects with FileInvalid, ControlRefused, and the errors of a store. */
export async function status(options: StatusOptions): Promise<void> {
  const config = loadConfig({ file: fileOf(options), data: options.data })
  const answer = await callControl(config.data, 'status', {})
  const found =
    answer === null
      ? await withStores(config, (stores) => statusOf(stores, null))
      : (answer as unknown as NodeStatus)
  const node = answer === null ? 'stopped' : 'running'
  const text = options.json === true ? `${JSON.stringify({ node, ...found })}\n` : show(node, found)
  process.stdout.write(text)
}

/** The stores of a status. */
type LookedAt = Pick<OpenStores, 'catalog' | 'blobs'>

/** The running node's side of the command. Rejects with StoreCorrupt, StoreUnavailable of the catalog. */
export function answerStatus(node: {
  readonly stores: LookedAt
  readonly reclaimer: { readonly underWay: ReclaimUnderWay | null }
}): Promise<NodeStatus> {
  return statusOf(node.stores, node.reclaimer.underWay)
}

async function statusOf(
  { catalog, blobs }: LookedAt,
  underWay: ReclaimUnderWay | null,
): Promise<NodeStatus> {
  const { id, commitNumber, impaired } = catalog
  return {
    catalog: { id, commitNumber, impaired },
    queue: await queueLength(catalog),
    reclaim: { off: blobs.reclaimOff, underWay },
    devices: await deviceStatuses(catalog, blobs),
  }
}

function show(node: string, { catalog, queue, reclaim, devices }: NodeStatus): string {
  const lines = [
    `node     ${node}`,
    `catalog  ${catalog.id}, commit ${catalog.commitNumber}${but(catalog.impaired)}`,
    `queue    ${queue} rows for the sweep`,
    `reclaim  ${reclaim.off ?? showUnderWay(reclaim.underWay)}`,
  ]
  for (const device of devices) lines.push('', ...showDevice(device))
  return `${lines.join('\n')}\n`
}

const but = (impaired: string | null) => (impaired === null ? '' : `: ${impaired}`)

/** What a reclaim is doing, without the time. */
export function showStep({ volume, step, bytes, turn, turns }: ReclaimUnderWay): string {
  const far = bytes === 0 ? '' : ` ${shownBytes(bytes)}`
  return `volume ${volume} (${turn} of ${turns}): ${step}${far}`
}

function showUnderWay(underWay: ReclaimUnderWay | null): string {
  if (underWay === null) return 'nothing under way'
  return `${showStep(underWay)}, since ${new Date(underWay.sinceMs).toISOString()}`
}

const columns = [
  'volume',
  'gen',
  'format',
  'state',
  'on disk',
  'live',
  'dead',
  '',
  'reclaimable',
  'dead since',
]

function showDevice(device: DeviceStatus): string[] {
  const free = device.freeBytes === null ? 'unknown' : shownBytes(device.freeBytes)
  const table = [columns, ...device.volumes.map(cellsOf), cellsOfAll(device)]
  const widths = columns.map((_, i) => Math.max(...table.map((cells) => cells[i]!.length)))
  const rows = table.map((cells) =>
    cells
      .map((cell, i) => (i < 4 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd(),
  )
  return [
    `device ${device.device}  ${free} free${showUploads(device)}${but(device.impaired)}`,
    ...rows,
  ]
}

/** The free space that uploads under way have claimed, and what they have announced beyond that. */
function showUploads({ claimedBytes, announcedBytes }: DeviceStatus): string {
  if (claimedBytes + announcedBytes === 0) return ''
  return `, ${shownBytes(claimedBytes)} claimed, ${shownBytes(announcedBytes)} more announced`
}

function cellsOf(volume: VolumeStatus): string[] {
  const { generation, format, state } = volume
  return [volume.volume, String(generation), format, state, ...figuresOf(volume)]
}

function cellsOfAll(device: DeviceStatus): string[] {
  return ['all', '', '', '', ...figuresOf(device)]
}

type Figures = Pick<
  DeviceStatus,
  'diskBytes' | 'liveBytes' | 'deadBytes' | 'reclaimableBytes' | 'deadSinceMs'
>

function figuresOf(of: Figures): string[] {
  const { diskBytes, liveBytes, deadBytes, reclaimableBytes, deadSinceMs } = of
  return [
    ...[diskBytes, liveBytes, deadBytes].map(shownBytes),
    shownShare(deadBytes, diskBytes),
    shownBytes(reclaimableBytes),
    deadSinceMs === null ? '-' : new Date(deadSinceMs).toISOString().slice(0, 19),
  ]
}
