// Gauges of the stores and the disks, set from figures at each scrape. Labels name devices, states and stores, never an
// account, a container, an object or a key.
import { Counter, Gauge, type Registry } from 'prom-client'
import type { DiskFigures, Figures } from '../../lib/figures.ts'
import { QUEUE_ROWS_MAX } from '../../lib/figures.ts'
import type { DeviceStatus } from '../../lib/upkeep/reclaim-status.ts'

const states = ['open', 'draining', 'sealed', 'failed', 'quarantined'] as const

type MakeGauge = <T extends string>(name: string, help: string, ...labelNames: T[]) => Gauge<T>

/** Registers the gauges, and returns the function that sets them. `reserveBytes` is that of the configuration. */
export function makeGauges(registry: Registry, reserveBytes: number): (figures: Figures) => void {
  const registers = [registry]
  const gauge: MakeGauge = (name, help, ...labelNames) =>
    new Gauge({ name, help, labelNames, registers })
  const setDevices = makeDeviceGauges(gauge)
  const setDisks = makeDiskGauges(gauge)
  const reserve = gauge(
    'coffer_disk_reserve_bytes',
    'Below this much free space writes are refused',
  )
  reserve.set(reserveBytes)
  const commits = new Counter({
    name: 'coffer_catalog_commits_total',
    help: 'Durable batches of commits since the catalog was made',
    registers,
  })
  const unproven = new Counter({
    name: 'coffer_unproven_row_reads_total',
    help: 'Reads of rows whose MAC does not hold; the log names the rows',
    registers,
  })
  const impaired = gauge('coffer_impaired', '1: the store takes no writes', 'store')
  const queue = gauge(
    'coffer_sweep_queue_rows',
    `Deleted bodies and uploads to be swept, to ${QUEUE_ROWS_MAX}`,
  )
  const due = gauge('coffer_expiry_due_rows', `Expired objects to be removed, to ${QUEUE_ROWS_MAX}`)
  const running = gauge('coffer_reclaim_running', '1: a volume is being rewritten')
  const off = gauge('coffer_reclaim_off', '1: reclaim is off, because the catalog is an old one')

  return (figures) => {
    setDevices(figures.rows?.devices ?? [])
    setDisks([figures.data, ...figures.disks], figures)
    commits.reset()
    commits.inc(figures.catalogCommits)
    unproven.reset()
    unproven.inc(figures.unprovenReads)
    impaired.set({ store: 'catalog' }, figures.impaired.catalog === null ? 0 : 1)
    impaired.set({ store: 'blobs' }, figures.impaired.blobs === null ? 0 : 1)
    queue.set(figures.rows?.queueRows ?? Number.NaN)
    due.set(figures.rows?.dueRows ?? Number.NaN)
    running.set(figures.reclaim.isRunning ? 1 : 0)
    off.set(figures.reclaim.off === null ? 0 : 1)
  }
}

/** Registers the gauges of devices, which show the figures of `coffer status`. */
function makeDeviceGauges(gauge: MakeGauge): (devices: readonly DeviceStatus[]) => void {
  const volumes = gauge('coffer_volumes', 'Volumes by state', 'device', 'state')
  const disk = gauge('coffer_volume_disk_bytes', 'Bytes that volumes take on the disk', 'device')
  const live = gauge('coffer_volume_live_bytes', 'Bytes in volumes that objects need', 'device')
  const dead = gauge(
    'coffer_volume_dead_bytes',
    'Bytes in volumes that no object needs, unfinished uploads among them',
    'device',
  )
  const reclaimable = gauge(
    'coffer_volume_reclaimable_bytes',
    'Dead bytes in sealed volumes, which reclaim can give back',
    'device',
  )
  const since = gauge(
    'coffer_volume_dead_since_seconds',
    'Since when there are dead bytes, in seconds since 1970; absent where there are none',
    'device',
  )
  return (devices) => {
    for (const each of [volumes, disk, live, dead, reclaimable, since]) each.reset()
    for (const status of devices) {
      const { device } = status
      for (const state of states) {
        const count = status.volumes.filter((volume) => volume.state === state).length
        volumes.set({ device, state }, count)
      }
      disk.set({ device }, status.diskBytes)
      live.set({ device }, status.liveBytes)
      dead.set({ device }, status.deadBytes)
      reclaimable.set({ device }, status.reclaimableBytes)
      if (status.deadSinceMs !== null) since.set({ device }, status.deadSinceMs / 1000)
    }
  }
}

function makeDiskGauges(
  gauge: MakeGauge,
): (disks: readonly DiskFigures[], figures: Figures) => void {
  const size = gauge('coffer_disk_size_bytes', 'Size of the disk under a directory', 'directory')
  const free = gauge('coffer_disk_free_bytes', 'Free bytes on that disk', 'directory')
  const unusable = gauge(
    'coffer_device_unusable',
    '1: the device is not there, or takes no writes',
    'device',
  )
  return (disks, { devices, disks: configured }) => {
    size.reset()
    free.reset()
    for (const { directory, sizeBytes, freeBytes } of disks) {
      if (sizeBytes !== null) size.set({ directory }, sizeBytes)
      if (freeBytes !== null) free.set({ directory }, freeBytes)
    }
    for (const { directory: device, sizeBytes } of configured) {
      const used = devices.find((status) => status.device === device)
      const isWell = sizeBytes !== null && used !== undefined && used.impaired === null
      unusable.set({ device }, isWell ? 0 : 1)
    }
  }
}
