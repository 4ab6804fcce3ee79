// `/recon/…` of Swift, for swift-recon and tools that read the same paths. It has the checks that mean something on
// this node. Rings, replication, updaters and auditors do not exist here, and their checks are 404. Swift:
// swift/common/middleware/recon.py.
import { readFile } from 'node:fs/promises'
import { type DiskFigures, diskFigures } from '../../lib/figures.ts'
import type { Node } from '../node.ts'

type Check = (node: Node) => Promise<unknown>

/** The lines of a file of Linux's /proc, without their ends. */
async function linesOf(file: string): Promise<string[]> {
  return (await readFile(file, 'utf8')).trimEnd().split('\n')
}

async function load(): Promise<object> {
  const [line = ''] = await linesOf('/proc/loadavg')
  const [one, five, fifteen, tasks, processes] = line.split(' ')
  return {
    '1m': Number(one),
    '5m': Number(five),
    '15m': Number(fifteen),
    tasks,
    processes: Number(processes),
  }
}

async function mem(): Promise<object> {
  const lines = await linesOf('/proc/meminfo')
  return Object.fromEntries(lines.map((line) => line.split(/:\s*/, 2)))
}

async function mounted(): Promise<object[]> {
  const lines = await linesOf('/proc/mounts')
  return lines.map((line) => {
    const [device, path] = line.split(' ')
    return { device, path }
  })
}

const disksOf = ({ config }: Node) => Promise.all(config.devices.map(diskFigures))

/** The usage of a disk. All that is not available counts as used, as in Swift, with the filesystem's own reserve. */
function usageOf({ directory: device, sizeBytes, freeBytes }: DiskFigures): object {
  if (sizeBytes === null || freeBytes === null) {
    return { device, mounted: false, size: '', used: '', avail: '' }
  }
  return { device, mounted: true, size: sizeBytes, used: sizeBytes - freeBytes, avail: freeBytes }
}

/** What answers behind `/recon/`, by name. */
export const reconChecks: Readonly<Record<string, Check>> = {
  version: async ({ version }) => ({ version }),
  load,
  mem,
  mounted,
  time: async () => Date.now() / 1000,
  diskusage: async (node) => (await disksOf(node)).map(usageOf),
  unmounted: async (node) => {
    const missing = (await disksOf(node)).filter(({ sizeBytes }) => sizeBytes === null)
    return missing.map(({ directory }) => ({ device: directory, mounted: false }))
  },
}
