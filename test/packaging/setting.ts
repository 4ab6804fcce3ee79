// What the tests of packages do with an installed program, whatever installed it: wait until it serves, and put and
// get objects with curl, plain and under a customer key.
import type { ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { clients, run } from '../helpers/clients.ts'
import { scratch } from '../helpers/process.ts'

export interface Served {
  readonly http: string
  readonly https: string
}

/** Resolves when the node listens. Rejects with what it said where it ends first. */
export function untilServing(child: ChildProcess): Promise<Served> {
  return new Promise((resolve, reject) => {
    let printed = ''
    let said = ''
    child.stderr!.setEncoding('utf8').on('data', (text) => {
      said += text
    })
    child.stdout!.setEncoding('utf8').on('data', (text) => {
      printed += text
      const [, http, https] = /^coffer serves on (http:\S+) and (https:\S+)\n/m.exec(printed) ?? []
      if (http !== undefined && https !== undefined) resolve({ http, https })
    })
    child.once('error', reject)
    child.once('close', (code) => reject(new Error(`ended with ${code}: ${said}${printed}`)))
  })
}

export interface S3Secrets {
  readonly access: string
  readonly secret: string
}

/** The secrets in the text of the file that a first start leaves. Throws where there are none. */
export function readSecrets(text: string): S3Secrets {
  const access = /AWS_ACCESS_KEY_ID=(\S+)/.exec(text)?.[1]
  const secret = /AWS_SECRET_ACCESS_KEY=(\S+)/.exec(text)?.[1]
  if (access === undefined || secret === undefined) throw new Error('no secrets in the file')
  return { access, secret }
}

/** Of the one container and the bytes in it, the same at every call. */
const BODY = Buffer.alloc(200_000, 'coffer ')
const KEY = Buffer.alloc(32, 7)

/**
 * Puts an object over http and one under a customer key over https, and reads both back; with `put: false` only the
 * latter, of what an earlier call has put.
 */
export async function curlObject(
  t: Test,
  { http, https }: Served,
  { access, secret }: S3Secrets,
  ca: string,
  { put = true } = {},
): Promise<void> {
  const directory = scratch(t)
  const caFile = join(directory, 'ca.pem')
  const bodyFile = join(directory, 'body')
  writeFileSync(caFile, ca)
  writeFileSync(bodyFile, BODY)
  const base64 = KEY.toString('base64')
  const md5 = createHash('md5').update(KEY).digest('base64')
  const customer = 'x-amz-server-side-encryption-customer'
  const sealed = [`-algorithm: AES256`, `-key: ${base64}`, `-key-MD5: ${md5}`].flatMap((h) => [
    '-H',
    customer + h,
  ])
  const curl = async (...args: string[]) => {
    const { code, stderr } = await run(clients.curl.command!, [
      ...['--fail', '--silent', '--show-error', '--cacert', caFile],
      ...['--aws-sigv4', 'aws:amz:us-east-1:s3', '--user', `${access}:${secret}`],
      ...['-H', 'x-amz-content-sha256: UNSIGNED-PAYLOAD', ...args],
    ])
    return { code, stderr }
  }
  const done = { code: 0, stderr: '' }
  if (put) {
    t.same(await curl('-X', 'PUT', `${http}/first`), done)
    t.same(await curl('-T', bodyFile, `${http}/first/plain`), done)
    t.same(await curl('-T', bodyFile, ...sealed, `${https}/first/sealed`), done)
  }
  const back = join(directory, 'back')
  t.same(await curl('-o', back, `${http}/first/plain`), done)
  t.ok(readFileSync(back).equals(BODY), 'the plain object is what was put')
  t.same(await curl('-o', back, ...sealed, `${https}/first/sealed`), done)
  t.ok(readFileSync(back).equals(BODY), 'and so is the one under a customer key')
  t.not((await curl('-o', back, `${https}/first/sealed`)).code, 0, 'which needs its key')
}
