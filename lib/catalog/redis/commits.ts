// Commits on Redis. One whose answer was lost is sent again, under the same id, once Redis is back: the
// script does it if it was not done, and says so if it was. Only where Redis stays away for too long does
// the caller hear that nobody knows.
import { crc32 } from '../../bytes/crc32.ts'
import { CofferError } from '../../errors.ts'
import { type Commit, CommitUnknown, Conflict } from '../catalog.ts'
import { openCounters, openRow } from '../framing.ts'
import { type Prepared, prepare } from '../group.ts'
import { type Link, type Reply, Unanswered } from './link.ts'
import { unavailable } from './reasons.ts'
import { scripts } from './scripts.ts'

/** How long the answer to a commit is looked for after it was lost. */
export const SETTLE_MS = 5000
/** Pause before a commit in doubt is sent again where Redis is there and refuses it. */
const AGAIN_MS = 200

const COUNTERS = Buffer.from([2])

/** What the script refuses, in the words of the seam. */
const broken: Readonly<Record<string, string>> = {
  counters: 'a counter row cannot become a plain one',
  below: 'a counter would fall below zero',
  beyond: 'a counter would grow beyond 2⁵³ − 1',
}

/** What the commit script adds to a counter row: see commitText. */
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

/** Arguments behind `again`. */
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

/** Throws what the script's answer means; nothing where the commit is done. */
function judge([word, , at, row]: Reply, commit: Prepared): void {
  if (word === 'done') return
  if (word === 'void') throw unavailable('the commit was given up')
  const key = keysOf(commit)[Number(at) - 1]!
  // Rotten, or a plain row: this throws whichever it is.
  if (word === 'plain') openCounters(key, row as Buffer)
  if (word !== 'conflict') throw new CofferError('Internal', { message: broken[word] ?? word, key })
  // A rotten row is no other writer's.
  if ((row as Buffer).length > 0) openRow(key, row as Buffer)
  throw new Conflict(key)
}

export interface Commits {
  /** See Catalog.commit. */
  commit(commit: Commit): Promise<void>
  /** Takes no more commits, and resolves when those it had taken have their outcome. */
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
        reply = await link.ask(scripts.commit, [id, again ? '1' : '0', ...args])
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
