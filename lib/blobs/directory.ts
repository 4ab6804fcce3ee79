// The names in a device's directory: `<volume id>.g<generation>` is a volume, `<volume id>.new` an
// unfinished copy of one. Part of the format, see docs/format.md.
import { join } from 'node:path'
import type { Engine } from '../level.ts'

export interface FoundVolume {
  /** 16 hex digits. */
  readonly id: string
  readonly location: string
}

/** Lists a device's volumes after removing what a crash left: unfinished copies, and every generation of a
 * volume but its highest. Other names are not touched. */
export async function findVolumes(engine: Engine, directory: string): Promise<FoundVolume[]> {
  const highest = new Map<string, number>()
  const leftovers: string[] = []
  for (const name of await engine.list(directory)) {
    if (/^[0-9a-f]{16}\.new$/.test(name)) leftovers.push(name)
    const match = /^([0-9a-f]{16})\.g([1-9]\d{0,14})$/.exec(name)
    if (match === null) continue
    const id = match[1]!
    const generation = Number(match[2])
    const other = highest.get(id) ?? 0
    if (other > 0) leftovers.push(`${id}.g${Math.min(other, generation)}`)
    highest.set(id, Math.max(other, generation))
  }
  for (const name of leftovers) await engine.destroy(join(directory, name))
  if (leftovers.length > 0) await engine.syncDirectory(directory)
  return Array.from(highest, ([id, generation]) => ({
    id,
    location: join(directory, `${id}.g${generation}`),
  }))
}

/** True for what a crash leaves that came while a database was being made, after LevelDB has tried to open
 * it: its own small files are there, and none that can hold data. */
export async function isHalfMade(engine: Engine, location: string): Promise<boolean> {
  const names = await engine.list(location)
  const holdsData = names.some((name) => name === 'CURRENT' || /\.(log|ldb|sst)$/.test(name))
  return names.includes('LOCK') && !holdsData
}
