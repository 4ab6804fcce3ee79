// `npm run interop:tree`: the big run with its real size, 1,200 files and 2.1 GB unless told otherwise
// (--files, --bytes, --largest, --kills, --seed, --awscli debian|pypi). Prints figures; exit code 1 where
// anything was lost, changed, opened or leaked.
import { parseArgs } from 'node:util'
import { clients } from '../helpers/clients.ts'
import { seedOfRun } from '../helpers/random.ts'
import { runTree } from './tree-run.ts'

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '1200' },
    bytes: { type: 'string', default: '2100000000' },
    largest: { type: 'string', default: '314572800' },
    kills: { type: 'string', default: '5' },
    seed: { type: 'string', default: String(seedOfRun()) },
    awscli: { type: 'string', default: 'pypi' },
  },
})
const awscli = values.awscli === 'debian' ? clients.awscliDebian : clients.awscliPypi

for (const { name, command, hint } of [awscli, clients.rclone]) {
  if (command !== undefined) continue
  process.stderr.write(`${name} is not installed (${hint})\n`)
  process.exit(2)
}

const figures = await runTree({
  files: Number(values.files),
  bytes: Number(values.bytes),
  largestBytes: Number(values.largest),
  kills: Number(values.kills),
  seed: Number(values.seed),
  awscli,
  say: (line) => void process.stdout.write(`${line}\n`),
})
const { lost, differing, opened, leaks, ...counts } = figures
const bad = { lost, ...differing, opened, leaks }
const totals = Object.entries(bad).map(([what, names]) => `${what}=${names.length}`)
process.stdout.write(`${JSON.stringify(counts)} ${totals.join(' ')}\n`)
for (const [what, names] of Object.entries(bad)) {
  for (const name of names) process.stdout.write(`${what}: ${name}\n`)
}
process.exitCode = Object.values(bad).every((names) => names.length === 0) ? 0 : 1
