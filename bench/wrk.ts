// Small requests by `wrk` (https://github.com/wg/wrk). It takes a tenth of the CPU of a load in JavaScript, so
// that two cores measure the server and not the load. Without wrk, load.ts is used.
import { spawn, spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { LoadJob, LoadResult } from './load.ts'
import type { Scope } from './scope.ts'

const script = fileURLToPath(new URL('./wrk.lua', import.meta.url))

let installed: boolean | undefined

/** True where wrk can be started. */
export function hasWrk(): boolean {
  installed ??= spawnSync('wrk', ['-v'], { stdio: 'ignore' }).error === undefined
  return installed
}

interface Printed {
  readonly requests: number
  readonly seconds: number
  readonly refused: number
  readonly broken: number
}

const lua = (text: string) => JSON.stringify(text)

function workList(
  job: LoadJob,
  jobHeaders: Readonly<Record<string, string>>,
  bodyFile: string,
): string {
  const headers = Object.entries(jobHeaders).map(([name, value]) => `[${lua(name)}]=${lua(value)}`)
  return `return { method = ${lua(job.method)}, body = ${lua(bodyFile)}, headers = { ${headers.join(', ')} }, paths = {
${job.paths.map(lua).join(',\n')}
} }\n`
}

/** Runs a job for some seconds. Rejects where wrk does not print its result. */
export async function runWrk(scope: Scope, job: LoadJob, seconds: number): Promise<LoadResult> {
  const list = join(scope.dir, 'wrk-list.lua')
  const bodyFile = job.bodyBytes > 0 ? join(scope.dir, 'wrk-body') : ''
  const body = randomBytes(job.bodyBytes)
  if (bodyFile !== '') writeFileSync(bodyFile, body)
  const md5 = createHash('md5').update(body).digest('base64')
  const headers = { ...job.headers, ...(job.sendsMd5 && { 'content-md5': md5 }) }
  writeFileSync(list, workList(job, headers, bodyFile))
  const connections = ['-t1', `-c${job.connections}`]
  const wrk = spawn('wrk', [...connections, `-d${seconds}s`, '-s', script, job.origin], {
    env: { ...process.env, LIST: list },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  wrk.stdout.on('data', (piece: Buffer) => {
    output += piece.toString()
  })
  await once(wrk, 'close')
  const line = /^RESULT (.*)$/m.exec(output)?.[1]
  if (line === undefined) throw new Error(`wrk gave no result: ${output.slice(0, 300)}`)
  const { requests, seconds: took, refused, broken } = JSON.parse(line) as Printed
  const failed = refused + broken
  return {
    requests: requests - refused,
    seconds: took,
    bodyBytes: 0,
    failed,
    etags: [],
    ...(failed > 0 && { failure: `wrk: ${refused} refused, ${broken} broken` }),
  }
}
