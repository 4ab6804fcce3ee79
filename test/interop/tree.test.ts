// The big run in small; `npm run interop:tree` does it with thousands of files and gigabytes.
import t from 'tap'
import { clients, clientTest } from '../helpers/clients.ts'
import { seedOfRun } from '../helpers/random.ts'
import { runTree } from './tree-run.ts'

t.setTimeout(900_000)

const needed = [clients.awscliPypi, clients.rclone]
const sentence = 'a tree survives kills on its way up and comes down as it was'

clientTest(t, needed, sentence, async (t) => {
  const seed = seedOfRun()
  const figures = await runTree({
    files: 100,
    bytes: 60_000_000,
    largestBytes: 20_000_000,
    kills: 2,
    seed,
    awscli: clients.awscliPypi,
    say: (line) => void t.comment(line),
  })
  const note = `seed ${seed}`
  t.equal(figures.kills, 2, note)
  t.ok(figures.syncs > 1, `killed in the middle, ${note}`)
  // aws has ten requests under way; what a kill cuts off may have been stored without an answer.
  t.ok(figures.acknowledged >= figures.files - 10 * figures.kills, note)
  t.same(figures.lost, [], `nothing acknowledged is lost, ${note}`)
  t.same(figures.differing, { aws: [], rclone: [] }, `every file comes down, ${note}`)
  t.same(figures.opened, [], `nothing opens without its key, ${note}`)
  t.same(figures.leaks, [], `no key is written anywhere, ${note}`)
})
