// Gauges of the stores and the disks, set from figures when somebody asks. Labels name devices, volumes'
// states and stores; never an account, a container, an object or a key.
import { Counter, Gauge, type Registry } from 'prom-client'
import type { DiskFigures, Figures, VolumeFigures } from '../../lib/figures.ts'

const states = ['open', 'draining', 'sealed', 'failed'] as const

/** Registers the gauges, and returns what sets them. `reserveBytes` is the configuration's. */
export function makeGauges(registry: Registry, reserveBytes: number): (figures: Figures) => void {
  const registers = [registry]
  const gauge = <T extends string>(name: string, help: string, ...labelNames: T[]) =>
    new Gauge({ name, help, labelNames, registers })
  const volumes = gauge('coffer_volumes', 'Volumes by state', 'device', 'state')
  const written = gauge('coffer_volume_written_bytes', 'Bytes that volumes take', 'device')
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
  const size = gauge('coffer_disk_size_bytes', 'Size of the disk under a directory', 'directory')
  const free = gauge('coffer_disk_free_bytes', 'Free bytes on that disk', 'directory')
  const missing = gauge('coffer_disk_missing', '1: the directory is not there', 'directory')
  const reserve = gauge(
    'coffer_disk_reserve_bytes',
    'Below this much free space writes are refused',
  )
  const commits = new Counter({
    name: 'coffer_catalog_commits_total',
    help: 'Durable batches of commits since the catalog was made',
    registers,
  })
  const impaired = gauge('coffer_impaired', '1: the store takes no writes', 'store')
  const queue = gauge('coffer_sweep_queue_rows', 'Deleted bodies and uploads to be swept, to 10000')
  const due = gauge('coffer_expiry_due_rows', 'Expired objects to be removed, to 10000')

  return (figures) => {
    for (const each of [volumes, written, live, dead, reclaimable, size, free, missing])
      each.reset()
    const devices = new Set([
      ...figures.devices.map(({ directory }) => directory),
      ...figures.volumes.map(({ device }) => device),
    ])
    for (const device of devices) {
      const here = figures.volumes.filter((volume) => volume.device === device)
      for (const state of states) {
        volumes.set({ device, state }, here.filter((volume) => volume.state === state).length)
      }
      const sum = (of: (volume: VolumeFigures) => number) =>
        here.reduce((total, volume) => total + of(volume), 0)
      written.set(
        { device },
        sum((volume) => volume.writtenBytes),
      )
      live.set(
        { device },
        sum((volume) => volume.liveBytes),
      )
      dead.set(
        { device },
        sum((volume) => volume.deadBytes),
      )
      reclaimable.set(
        { device },
        sum((volume) => volume.reclaimableBytes),
      )
    }
    for (const disk of [figures.data, ...figures.devices]) setDisk(disk)
    reserve.set(reserveBytes)
    commits.reset()
    commits.inc(figures.catalogCommits)
    impaired.set({ store: 'catalog' }, figures.impaired.catalog === null ? 0 : 1)
    impaired.set({ store: 'blobs' }, figures.impaired.blobs === null ? 0 : 1)
    queue.set(figures.queueRows)
    due.set(figures.dueRows)
  }

  function setDisk({ directory, sizeBytes, freeBytes }: DiskFigures): void {
    missing.set({ directory }, sizeBytes === null ? 1 : 0)
    if (sizeBytes !== null) size.set({ directory }, sizeBytes)
    if (freeBytes !== null) free.set({ directory }, freeBytes)
  }
}
