// s3cmd as the tests run it: which node, which user, what it trusts.
import { writeFileSync } from 'node:fs'
import { clients, type Program, program, type Runner } from '../helpers/clients.ts'
import { accessKey, secretKey } from '../helpers/node.ts'
import type { Setting } from './setting.ts'
import { runWarm } from './warm.ts'

/** `s3cmd` with `base` as its endpoint, by a configuration file as docs/clients.md shows it. `runner` is `run` for
 * a process of its own each. */
export function s3cmdProgram(
  setting: Setting,
  base: string,
  options: readonly string[] = [],
  runner: Runner = runWarm,
): Program {
  const url = new URL(base)
  const lines = [
    '[default]',
    `access_key = ${accessKey}`,
    `secret_key = ${secretKey}`,
    `host_base = ${url.host}`,
    `host_bucket = ${url.host}`,
    'bucket_location = us-east-1',
    `use_https = ${url.protocol === 'https:' ? 'True' : 'False'}`,
    `ca_certs_file = ${setting.ca}`,
    'multipart_chunk_size_mb = 5',
    'max_retries = 1',
  ]
  const config = setting.path(`s3cfg-${url.port}`)
  writeFileSync(config, `${lines.join('\n')}\n`)
  const fixed = ['--config', config, '--no-progress', ...options]
  return program(clients.s3cmd, fixed, { cwd: setting.path('.') }, runner)
}
