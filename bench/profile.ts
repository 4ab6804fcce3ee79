// In which functions a node spent its CPU time: samples of its main thread (--cpu-prof) by function, and the
// CPU seconds of all its threads. The latter show the share of LevelDB and libuv, which no JavaScript frame
// shows.
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const FRAMES_MAX = 30

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: {
      readonly functionName: string
      readonly url: string
      readonly lineNumber: number
    }
  }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

function placeOf(url: string): string {
  if (!url.startsWith('file://')) return url
  return relative(root, fileURLToPath(url)).replace(/^.*node_modules\//, '')
}

/** Microseconds by function, without callees, largest first. Idle time is left out. */
export function selfTimes(profile: CpuProfile): [frame: string, micros: number][] {
  const frames = new Map(
    profile.nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => {
      const place = url === '' ? '' : ` ${placeOf(url)}:${lineNumber + 1}`
      return [id, `${functionName || '(anonymous)'}${place}`]
    }),
  )
  const sums = new Map<string, number>()
  for (const [i, id] of profile.samples.entries()) {
    const frame = frames.get(id)!
    if (frame === '(idle)') continue
    sums.set(frame, (sums.get(frame) ?? 0) + profile.timeDeltas[i]!)
  }
  return [...sums].sort((a, b) => b[1] - a[1])
}

/** Prints the newest profile in `dir`, and the result of `Child.threadSeconds`. */
export function printProfile(dir: string, threads: readonly [string, number][]): void {
  const file = readdirSync(dir)
    .filter((name) => name.endsWith('.cpuprofile'))
    .sort()
    .at(-1)
  if (file === undefined) return
  const times = selfTimes(JSON.parse(readFileSync(join(dir, file), 'utf8')))
  const total = times.reduce((sum, [, micros]) => sum + micros, 0)
  const lines = times
    .slice(0, FRAMES_MAX)
    .map(([frame, micros]) => `  ${((100 * micros) / total).toFixed(1).padStart(5)} %  ${frame}`)
  const shares = threads
    .filter(([, seconds]) => seconds > 0)
    .map(([name, seconds]) => `${name} ${seconds.toFixed(2)}`)
  process.stdout.write(
    `\nCPU seconds by thread: ${shares.join(', ')}\nMain thread, ${(total / 1e6).toFixed(2)} s, own time:\n${lines.join('\n')}\n`,
  )
}
