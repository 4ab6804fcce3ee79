// Commits on Redis. A commit whose answer was lost is sent again under the same id once Redis is back: the
// script then does it, or answers that it was done already. Where Redis stays away for too long, the commit
// rejects with CommitUnknown.
import { crc32 } from '../../bytes/crc32.ts'
import { CofferError } from '../../errors.ts'
import { type Commit, CommitUnknown, Conflict } from '../catalog.ts'
import { openCounters, openRow } from '../framing.ts'
import { type Prepared, prepare } from '../group.ts'
import { type Link, type Reply, Unanswered } from './link.ts'
import { unavailable } from './reasons.ts'
import { scripts } from './scripts.ts'

/** How long a commit is sent again after its answer was lost. */
export const SETTLE_MS = 5000
/** Pause before a commit in doubt is sent again to a Redis that answers and refuses it. */
const AGAIN_MS = 200

const COUNTERS = Buffer.from([2])

/** What the script refuses, as messages. */
const broken: Readonly<Record<string, string>> = {
  counters: 'a counter row cannot become a plain one',
  below: 'a counter would fall below zero',
  beyond: 'a counter would grow beyond 2⁵³ − 1',
}

/** The bytes for one counter row in the arguments of the commit script (see commitText). */
function packOf(key: string, deltas: readonly number[], revision: Buffer): Buffer {
  const pack = Buffer.allocUnsafe(8 + 8 * deltas.length)
  const ofKind = crc32(COUNTERS, crc32(Buffer.from(key)))
  pack.writeUInt32BE(~ofKind >>> 0, 0)
  pack.writeUInt32BE(~crc32(revision, ofKind) >>> 0, 4)
  for (const [i, delta] of deltas.entries()) pack.writeBigInt64BE(BigInt(delta), 8 + 8 * i)
  return pack
}

const keysOf = ({ expect, puts, del, add }: Prepared): string[] => [
  ...expect.map(({ key }) => key),
  ...puts.map(({ key }) => key),
  ...del,
  ...add.map(({ key }) => key),
]

/** The script's arguments behind `again`. */
function encode(commit: Prepared, revision: Buffer): (string | Buffer)[] {
  const { expect, puts, del, add } = commit
  return [
    ...[expect, puts, del, add].map((list) => String(list.length)),
    ...keysOf(commit),
    ...expect.map(({ revision }) => (revision === null ? '' : Buffer.from(revision, 'hex'))),
    ...puts.map(({ framed }) => framed),
    ...add.map(({ key, deltas }) => packOf(key, deltas, revision)),
  ]
}

/** Throws the error that the script's answer means; returns where the commit is done. */
function judge([word, , at, row]: Reply, commit: Prepared): void {
  if (word === 'done') return
  if (word === 'void') throw unavailable('the commit was given up')
  const key = keysOf(commit)[Number(at) - 1]!
  // `openCounters` throws for a rotten row and for a plain one.
  if (word === 'plain') openCounters(key, row as Buffer)
  if (word !== 'conflict') throw new CofferError('Internal', { message: broken[word] ?? word, key })
  // A rotten row throws StoreCorrupt. It is no conflict with another writer.
  if ((row as Buffer).length > 0) openRow(key, row as Buffer)
  throw new Conflict(key)
}

export interface Commits {
  /** See Catalog.commit. */
  commit(commit: Commit): Promise<void>
  /** Takes no more commits. Resolves when all earlier ones have their outcome. */
  close(): Promise<void>
}

export function makeCommits(link: Link): Commits {
  const running = new Set<Promise<void>>()
  let closed = false

  async function settled(commit: Prepared): Promise<void> {
    const id = Buffer.from(commit.id, 'hex')
    const args = encode(commit, id)
    let deadlineMs = Number.POSITIVE_INFINITY
    for (;;) {
      const again = deadlineMs < Number.POSITIVE_INFINITY
      let reply: Reply
      try {
        reply = await link.call(scripts.commit, [id, again ? '1' : '0', ...args])
      } catch (error) {
        if (!again) {
          if (!(error instanceof Unanswered)) throw error
          deadlineMs = performance.now() + SETTLE_MS
        } else if (!(error instanceof Unanswered)) {
          await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
        }
        if (performance.now() < deadlineMs && (await link.open(deadlineMs))) continue
        throw new CommitUnknown(link.abandon(id), error)
      }
      return judge(reply, commit)
    }
  }

  return {
    async commit(commit) {
      const prepared = prepare(commit)
      if (closed) throw unavailable('the catalog is closed')
      const run = settled(prepared)
      running.add(run)
      await run.finally(() => running.delete(run))
    },
    async close() {
      closed = true
      await Promise.allSettled(running)
    },
  }
}
