// A process for reclaim-kill.test.ts: reclaims one volume, and kills itself just before the n-th call of
// reclaim to the engine. A JSON file lists the live blobs.
import { readFileSync } from 'node:fs'
import type { SavedBlob } from '../helpers/blobs.ts'
import { Killer, killingEngine } from '../helpers/killing-engine.ts'
import { openStore } from '../helpers/volumes.ts'

export interface Job {
  readonly directory: string
  readonly volume: string
  /** The id of each live blob, and the pieces of its locator in hex. */
  readonly live: readonly (readonly [id: string, pieces: readonly string[]])[]
  /** The call before which the process dies. A number beyond the last call lets reclaim finish. */
  readonly nth: number
}

export function jobOf(
  directory: string,
  volume: string,
  live: readonly SavedBlob[],
  nth: number,
): Job {
  const pieces = ({ locator }: SavedBlob) => locator.pieces.map((piece) => piece.toString('hex'))
  return { directory, volume, live: live.map((blob) => [blob.id, pieces(blob)] as const), nth }
}

async function reclaimAndDie(job: Job): Promise<void> {
  const killer = new Killer()
  const store = await openStore(killingEngine(killer), job.directory)
  killer.arm(job.nth)
  await store.reclaim(
    job.volume,
    async (live) => {
      for (const [id, pieces] of job.live) {
        live.add(
          id,
          pieces.map((piece) => Buffer.from(piece, 'hex')),
        )
      }
      return 0
    },
    { signal: new AbortController().signal, pace: async () => {}, progress: () => {} },
  )
}

if (import.meta.main) await reclaimAndDie(JSON.parse(readFileSync(process.argv[2]!, 'utf8')))
