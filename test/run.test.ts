// What `npm test > log` ends with: a run of failing tests in a project of its own, and each command that it prints.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { root, scratch } from './helpers/process.ts'

t.setTimeout(600_000)

const files = {
  'sound.test.ts': `import t from 'tap'
    t.test('nothing is wrong', async (t) => t.pass())`,
  'broken.test.ts': `import t from 'tap'
    t.test('it is sound', async (t) => t.pass())
    t.test('it is { broken } # by seed', async (t) => {
      t.equal(process.env.SEED, process.env.RIGHT_SEED ?? 'none')
      await t.test('inside', async (t) => t.fail('and within'))
      t.ok(false, 'and after')
    })`,
  'dying.test.ts': `import t from 'tap'
    t.test('it begins', async (t) => t.pass())
    throw new Error('dies')`,
}

/** Without what tap gives to its own children. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(TAP|NODE_OPTIONS|COFFER_|SEED)/.test(name)),
)

function makeProject(t: Parameters<typeof scratch>[0]): string {
  const directory = scratch(t)
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'))
  cpSync(join(root, '.taprc'), join(directory, '.taprc'))
  writeFileSync(join(directory, 'package.json'), '{ "name": "broken", "type": "module" }')
  mkdirSync(join(directory, 'test'))
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(directory, 'test', name), text)
  }
  return directory
}

/** A line of a shell, with the programs of node_modules first as `npm` has them. */
function sh(cwd: string, line: string, env: Readonly<Record<string, string>> = {}) {
  const PATH = `${join(root, 'node_modules/.bin')}:${process.env.PATH}`
  const all = { ...environment, PATH, ...env }
  const { status, stdout } = spawnSync('sh', ['-c', line], { cwd, env: all, encoding: 'utf8' })
  return { status, stdout }
}

const program = join(root, 'test/run.ts')

t.test('redirected output ends with the failed files and a command for each', async (t) => {
  const project = makeProject(t)
  const { status, stdout } = sh(project, `node ${program}`, { COFFER_WORD: "it's one" })
  t.equal(status, 1)
  const [before, end] = stdout.split(/\n\n(?=2 files failed)/) as [string, string]
  const seed = /SEED=(\d+)/.exec(end)?.[1]
  const set = `SEED=${seed} COFFER_WORD='it'\\''s one'`
  const withoutDetails = end.replace(/^ {6}.*\n/gm, '')
  t.equal(
    withoutDetails,
    `2 files failed. What failed in each, and what runs it again alone, under the same seed:
test/broken.test.ts
  not ok: it is { broken } # by seed > should be equal
  not ok: it is { broken } # by seed > inside > and within
  not ok: it is { broken } # by seed > and after
    ${set} npx tap test/broken.test.ts
test/dying.test.ts
  not ok: dies
    ${set} npx tap test/dying.test.ts
`,
  )
  t.match(end, /equal\n {6}(.*\n {6})* {2}lineNumber: 4\n/, 'what tap says of each stands below it')
  const longest = Math.max(...end.split(/^(?! {6}).*\n/m).map((part) => part.split('\n').length))
  t.ok(longest <= 16, 'and is cut')
  t.equal(stdout.match(/^# \{ total: /gm)?.length, 1, 'tap prints its total once, for .ci/run')
  t.match(before, `+${seed}\n`, 'the tests ran under that seed')

  const again = end.match(/SEED=.*broken\.test\.ts$/m)![0]
  const alone = sh(project, again, { RIGHT_SEED: seed! })
  t.equal(alone.status, 1)
  t.match(alone.stdout, 'ok 1 - should be equal', 'the command runs it under the same seed')
  t.notMatch(alone.stdout, 'dying', 'and alone')
})

t.test('a report for people ends in the same way', async (t) => {
  const env = { TAP_REPORTER: 'terse', SEED: '7' }
  const { status, stdout } = sh(makeProject(t), `node ${program} test/broken.test.ts`, env)
  t.equal(status, 1)
  t.match(
    stdout,
    /\n1 file failed\..*\ntest\/broken\.test\.ts\n(?: {2}.*\n)+ {4}SEED=7 npx tap \S+\n$/,
  )
})

t.test('nothing is said where nothing failed', async (t) => {
  const { status, stdout } = sh(makeProject(t), `node ${program} test/sound.test.ts`)
  t.equal(status, 0)
  t.match(stdout, /# \{ total: 1, pass: 1 \}\n# time=\S+\n$/)
})
