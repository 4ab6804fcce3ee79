// Runs tap under one seed (`npm test`), and ends with what failed: each file, the tests in it, and the command that
// runs it again alone as it ran here. So the end of a log is enough, however long the log.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, mkdtempSync, rmSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { seedOfRun } from './helpers/random.ts'

export interface FailedTest {
  /** Names of the tests around it, and its own. Without any where the file failed by itself. */
  readonly path: readonly string[]
  /** The first lines that tap prints below it. */
  readonly details: readonly string[]
}

export interface FailedFile {
  readonly file: string
  /** The assertions in it that failed, and tests that failed without one. */
  readonly tests: readonly FailedTest[]
}

const INDENT = 4
const DETAILS_MAX = 15
const RESULT = /^( *)(not )?ok \d+ - (.*?)(?: # time=\S+)?(?: \{)?$/

/** The failed files of a run of tap: what is in a file, or in a test, stands indented before its own line. */
export async function readFailures(lines: AsyncIterable<string>): Promise<FailedFile[]> {
  const failed: FailedFile[] = []
  let tests: FailedTest[] = []
  let details: { readonly lines: string[]; readonly indent: string } | undefined
  for await (const line of lines) {
    if (details !== undefined && line.startsWith(details.indent)) {
      const text = line.slice(details.indent.length)
      if (text === '...') details = undefined
      else if (text !== '---' && details.lines.length < DETAILS_MAX) details.lines.push(text)
      continue
    }
    details = undefined
    const [, indent, not, name] = RESULT.exec(line) ?? []
    if (indent === '') {
      if (not !== undefined) failed.push({ file: name!, tests })
      tests = []
    }
    if (!indent || indent.length % INDENT !== 0 || not === undefined) continue
    const depth = indent.length / INDENT
    const own = name!.replaceAll('\\#', '#')
    // A path is as long as its test is deep from the start. The names of the tests around it follow as those end.
    const isWithin = ({ path }: FailedTest) => path.length > depth && path[depth - 1] === ''
    if (tests.some(isWithin)) {
      tests = tests.map((test) =>
        isWithin(test) ? { ...test, path: test.path.with(depth - 1, own) } : test,
      )
      continue
    }
    details = { lines: [], indent: `${indent}  ` }
    const path = [...new Array<string>(depth - 1).fill(''), own]
    tests.push({ path, details: details.lines })
  }
  return failed
}

/** A word of a shell. */
const quoted = (text: string) =>
  /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`

/** The last lines of a run; none where nothing failed. `variables` are those that the run depends on. */
export function summaryOf(
  failed: readonly FailedFile[],
  variables: Readonly<Record<string, string>>,
): string {
  if (failed.length === 0) return ''
  const set = Object.entries(variables).map(([name, value]) => `${name}=${quoted(value)}`)
  const lines = failed.flatMap(({ file, tests }) => [
    file,
    ...tests.flatMap(({ path, details }) => [
      `  not ok: ${path.join(' > ')}`,
      ...details.map((detail) => `      ${detail}`),
    ]),
    `    ${[...set, 'npx tap', quoted(file)].join(' ')}`,
  ])
  const count = failed.length === 1 ? '1 file' : `${failed.length} files`
  return `\n${count} failed. What failed in each, and what runs it again alone, under the same seed:\n${lines.join('\n')}\n`
}

/** What a command line needs to run under the same conditions. */
function variablesOf(environment: NodeJS.ProcessEnv): Record<string, string> {
  const names = Object.keys(environment).filter((name) => name.startsWith('COFFER_'))
  return Object.fromEntries(['SEED', ...names.sort()].map((name) => [name, environment[name]!]))
}

/** Runs tap with these arguments; its exit code. */
async function runTests(args: readonly string[]): Promise<number> {
  const env = { ...process.env, SEED: process.env.SEED ?? String(seedOfRun()) }
  const reporter = process.env.TAP_REPORTER ?? (process.stdout.isTTY ? 'base' : 'tap')
  // Where tap prints what can be read it must not write it to a file too: it would print everything twice.
  const { failed, code } = await (reporter === 'tap' ? runPrinting : runWriting)(args, env)
  process.stdout.write(summaryOf(failed, variablesOf(env)))
  return code
}

interface Ended {
  readonly failed: readonly FailedFile[]
  readonly code: number
}

/** Runs tap where it prints what can be read. */
async function runPrinting(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ended> {
  const child = spawn('tap', args, { stdio: ['inherit', 'pipe', 'inherit'], env })
  const ended = codeOf(child)
  child.stdout.pipe(process.stdout, { end: false })
  const failed = await readFailures(createInterface({ input: child.stdout }))
  return { failed, code: await ended }
}

/** Runs tap where it prints for people. */
async function runWriting(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ended> {
  const directory = mkdtempSync(join(tmpdir(), 'coffer-tap-'))
  try {
    const output = join(directory, 'all.tap')
    const code = await codeOf(
      spawn('tap', [`--output-file=${output}`, ...args], { stdio: 'inherit', env }),
    )
    const failed = await readFailures(createInterface({ input: createReadStream(output) }))
    return { failed, code }
  } finally {
    rmSync(directory, { recursive: true })
  }
}

async function codeOf(child: ChildProcess): Promise<number> {
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  return code ?? 128 + constants.signals[signal!]
}

if (import.meta.main) process.exitCode = await runTests(process.argv.slice(2))
