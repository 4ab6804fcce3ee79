// `npm run long:fuzz`: runs every fuzz test over and over, each time from another seed, for FUZZ_MINUTES (60), and
// prints what was run. Ends with 1 and the seed at the first failure.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const directory = fileURLToPath(new URL('../../fuzz', import.meta.url))
const minutes = Number(process.env.FUZZ_MINUTES ?? 60)
const endMs = performance.now() + minutes * 60_000
const files = readdirSync(directory).filter((name) => name.endsWith('.test.ts'))
let seed = Number(process.env.SEED ?? Date.now() % 1_000_000_007)
const firstSeed = seed
let runs = 0

while (performance.now() < endMs) {
  for (const name of files) {
    const { status, stdout } = spawnSync(process.execPath, [join(directory, name)], {
      env: { ...process.env, SEED: String(seed), TAP_TIMEOUT: '600' },
      encoding: 'utf8',
    })
    runs++
    if (status === 0) continue
    process.stdout.write(`${stdout}\nlong:fuzz: ${name} failed with SEED=${seed}\n`)
    process.exit(1)
  }
  seed++
}
process.stdout.write(
  `long:fuzz: ${minutes} minutes, ${runs} runs of ${files.length} tests, seeds ${firstSeed} to ${seed - 1}, 0 failures\n`,
)
