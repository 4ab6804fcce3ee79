// The names in a device's directory. `<volume id>.g<generation>` is a volume, `<volume id>.new` an unfinished
// copy of one, and `<volume id>.g<generation>.damaged` a generation that was salvaged. The names are part of
// the stored format (docs/format.md).
import { join } from 'node:path'
import type { Files } from '../files.ts'

export interface FoundVolume {
  /** 16 hex digits. */
  readonly id: string
  /** 1 for a new volume, one more with every reclaim. */
  readonly generation: number
}

/** Where a generation of a volume lies. */
export const locationOf = (directory: string, id: string, generation: number) =>
  join(directory, `${id}.g${generation}`)

/** Where a volume is copied to. Every start removes what lies there. */
export const copyLocationOf = (directory: string, id: string) => join(directory, `${id}.new`)

/** Where salvage keeps the damaged generation. No program opens it; an operator removes it. */
export const damagedLocationOf = (directory: string, id: string, generation: number) =>
  `${locationOf(directory, id, generation)}.damaged`

function parseName(name: string): FoundVolume | undefined {
  const match = /^([0-9a-f]{16})\.g([1-9]\d{0,14})$/.exec(name)
  return match === null ? undefined : { id: match[1]!, generation: Number(match[2]) }
}

/** Lists a device's volumes. First removes what a crash left: unfinished copies, and every generation of a
 * volume but its highest. Other names are not touched. Rejects with the system's error. */
export async function findVolumes(files: Files, directory: string): Promise<FoundVolume[]> {
  const highest = new Map<string, number>()
  const leftovers: string[] = []
  for (const name of await files.list(directory)) {
    if (/^[0-9a-f]{16}\.new$/.test(name)) leftovers.push(join(directory, name))
    const found = parseName(name)
    if (found === undefined) continue
    const { id, generation } = found
    const other = highest.get(id) ?? 0
    if (other > 0) leftovers.push(locationOf(directory, id, Math.min(other, generation)))
    highest.set(id, Math.max(other, generation))
  }
  for (const location of leftovers) await files.destroy(location)
  if (leftovers.length > 0) await files.syncDirectory(directory)
  return Array.from(highest, ([id, generation]) => ({ id, generation }))
}

/** Ids of the volumes among the names in a device's directory. */
export const volumeIdsIn = (names: readonly string[]) =>
  names.flatMap((name) => parseName(name)?.id ?? [])

/** Generations of one volume that lie in the directory, lowest first. */
export async function generationsOf(
  files: Pick<Files, 'list'>,
  directory: string,
  id: string,
): Promise<number[]> {
  const found = (await files.list(directory)).map(parseName)
  const own = found.flatMap((each) => (each?.id === id ? [each.generation] : []))
  return own.sort((a, b) => a - b)
}
