// Rotation of root keys on a node that runs, over HTTP, on both stores of the catalog: uploads that were begun before
// it are completed after it, and no key is given up on which something hangs.
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import { accessKey, keyHeaders, type SentRequest, secretKey, send, users } from '../helpers/node.ts'
import { type RunningProcess, run, scratch, start, writeConfig } from '../helpers/process.ts'
import { redisTest, startRedis } from '../helpers/redis.ts'
import {
  completeBody,
  createUpload,
  customerKey,
  element,
  outcome,
  putPart,
} from '../helpers/s3.ts'

t.setTimeout(600_000)

const keys = Object.fromEntries(
  ['k1', 'k2'].map((id, n) => [id, Buffer.alloc(32, n + 1).toString('base64')]),
)
const customer = keyHeaders(customerKey('c'))

interface Site {
  readonly directory: string
  readonly data: string
  readonly keyring: string
  readonly args: readonly string[]
  /** Writes the keyring with some of the keys. */
  ring(active: string, ...others: string[]): void
}

/** A node's files, with the root key k1. `catalog`: further YAML. */
function makeSite(t: Test, catalog = ''): Site {
  const directory = scratch(t)
  const data = join(directory, 'data')
  const keyring = join(directory, 'keyring')
  const usersFile = join(directory, 'users.yaml')
  writeFileSync(usersFile, stringify(users), { mode: 0o600 })
  const ring = (active: string, ...others: string[]) => {
    const some = Object.fromEntries([active, ...others].map((id) => [id, keys[id]]))
    writeFileSync(keyring, stringify({ version: 1, active, keys: some }), { mode: 0o600 })
  }
  ring('k1')
  const more = `data: ${data}\nkeyring: ${keyring}\nusers: ${usersFile}\nssec: { tls: [loopback] }\n`
  return {
    directory,
    data,
    keyring,
    args: ['--config', writeConfig(directory, more + catalog)],
    ring,
  }
}

const requester = (node: RunningProcess) => ({
  request: (method: string, path: string, options: SentRequest = {}) =>
    send(node.http, method, path, { access: accessKey, secret: secretKey, ...options }, ''),
})

async function succeeds(t: Test, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(args)
  t.equal(code, 0, `${args.slice(0, 2).join(' ')}: ${stderr}`)
  return stdout
}

async function stop({ child, exited }: RunningProcess): Promise<void> {
  child.kill('SIGTERM')
  await exited
}

/** Begins an upload, and sends parts for as long as `until` lasts, the same numbers again and again. */
async function uploadMeanwhile(
  node: ReturnType<typeof requester>,
  path: string,
  headers: Record<string, string>,
  until: Promise<unknown>,
) {
  const id = await createUpload(node, path, { headers })
  let done = false
  void until.finally(() => {
    done = true
  })
  const etags: string[] = []
  const bodies: string[] = []
  for (let turn = 0; turn < 2 || !done; turn++) {
    const body = `part of turn ${turn}`
    etags[0] = await putPart(node, path, id, 1, { headers, body })
    bodies[0] = body
  }
  return { path, id, headers, etag: etags[0]!, body: bodies[0]! }
}

async function rotates(t: Test, site: Site): Promise<void> {
  const process = await start(t, site.args)
  const node = requester(process)
  await node.request('PUT', '/bkt')
  for (let n = 0; n < 60; n++) await node.request('PUT', `/bkt/o${n}`, { body: `object ${n}` })
  // Parts arrive before, during and after the rewrap.
  let rotated = () => {}
  const rotation = new Promise<void>((resolve) => {
    rotated = resolve
  })
  const uploads = Promise.all([
    uploadMeanwhile(node, '/bkt/sealed', customer, rotation),
    uploadMeanwhile(node, '/bkt/plain', {}, rotation),
  ])
  await succeeds(t, ['key', 'add', '--id', 'k9', ...site.args])
  await succeeds(t, ['key', 'activate', 'k9', ...site.args])
  const listed = await succeeds(t, ['rewrap', '--rate', '100000', ...site.args])
  t.match(listed, /^k1\t0 versions\t0 uploads\t0 containers\t0 buckets\t0 accounts\tunused/m)
  t.match(listed, /^k9\t60 versions\t[12] uploads\t1 containers\t1 buckets\t1 accounts\tactive$/m)
  rotated()
  const begun = await uploads

  const whole = readFileSync(site.keyring, 'utf8')
  writeFileSync(site.keyring, whole.replace(/^ *k1: .*\n/m, ''))
  await succeeds(t, ['reload', ...site.args])
  t.notMatch(await succeeds(t, ['key', 'list', ...site.args]), /k1/)
  for (const { path, id, headers, etag, body } of begun) {
    const list = completeBody([[1, etag]])
    const done = await node.request('POST', `${path}?uploadId=${id}`, { body: list })
    t.equal(outcome(done), '200', `${path} is completed without a customer key`)
    t.equal((await node.request('GET', path, { headers })).text, body)
  }
  for (let n = 0; n < 60; n += 7) {
    t.equal((await node.request('GET', `/bkt/o${n}`)).text, `object ${n}`)
  }
  await stop(process)
  const again = requester(await start(t, site.args))
  t.equal((await again.request('GET', '/bkt/sealed', { headers: customer })).text, begun[0].body)
}

const redisCatalog = async (t: Test) =>
  `catalog: { redis: { url: ${(await startRedis(t)).url}, timeoutMs: 5000 } }\n`

const rotating = 'uploads begun before a rotation are completed after it, without a customer key'
t.test(rotating, (t) => rotates(t, makeSite(t)))
redisTest(t, `${rotating}, on Redis`, async (t) => rotates(t, makeSite(t, await redisCatalog(t))))

/** A node with an object and an upload under k1, and an upload under a customer key. */
async function startUsed(t: Test, site: Site) {
  const process = await start(t, site.args)
  const node = requester(process)
  await node.request('PUT', '/bkt')
  await node.request('PUT', '/bkt/o', { body: 'object' })
  const id = await createUpload(node, '/bkt/plain')
  await createUpload(node, '/bkt/sealed', { headers: customer })
  return { process, node, id }
}

async function refuses(t: Test, site: Site): Promise<void> {
  const { process, node, id } = await startUsed(t, site)
  site.ring('k2', 'k1')
  await succeeds(t, ['reload', ...site.args])
  site.ring('k2')
  const refused = await run(['reload', ...site.args])
  t.equal(refused.code, 1)
  const why =
    /keyring: the key k1 is gone from the file, and 1 version, 2 uploads, 1 container, 1 bucket and 1 account would be lost/
  t.match(refused.stderr, why)
  process.child.kill('SIGHUP')
  const logged = 'keyring: not reloaded, the old stays in force'
  while (process.stdout().split(logged).length < 3) await sleep(20)
  t.match(process.stdout(), why)
  t.equal((await node.request('GET', '/bkt/o')).text, 'object', 'the old keyring is in force')
  await putPart(node, '/bkt/plain', id, 1, { body: 'a part' })

  site.ring('k2', 'k1')
  await succeeds(t, ['rewrap', '--rate', '100000', ...site.args])
  site.ring('k2')
  await succeeds(t, ['reload', ...site.args])
  t.equal((await node.request('GET', '/bkt/o')).text, 'object')
  await stop(process)
}

const refusing =
  'a reload refuses a keyring without a key that rows hang on, and says which and how many'
t.test(refusing, (t) => refuses(t, makeSite(t)))
redisTest(t, `${refusing}, on Redis`, async (t) => refuses(t, makeSite(t, await redisCatalog(t))))

t.test(
  'a node that starts without a key says what it cannot read, and serves the rest',
  async (t) => {
    const site = makeSite(t)
    const { process } = await startUsed(t, site)
    await stop(process)
    site.ring('k2')
    const without = await start(t, site.args)
    const lacks =
      /the keyring lacks the key k1: 1 version, 2 uploads, 1 container, 1 bucket and 1 account cannot be read/
    // The log and the addresses come by different writes, in either order.
    while (!lacks.test(without.stdout())) await sleep(20)
    const node = requester(without)
    t.equal((await node.request('GET', '/bkt/o')).status, 500)
    t.equal((await node.request('PUT', '/bkt/new', { body: 'new' })).status, 200)
    t.equal((await node.request('GET', '/bkt/new')).text, 'new')
    const listed = await run(['key', 'list', ...site.args])
    t.match(listed, {
      code: 1,
      stdout: /^k1\t1 versions\t2 uploads\t1 containers\t1 buckets\t1 accounts\tMISSING/m,
    })
    await stop(without)
    site.ring('k2', 'k1')
    const whole = await start(t, site.args)
    t.notMatch(whole.stdout(), /the keyring lacks/)
    t.equal((await requester(whole).request('GET', '/bkt/o')).text, 'object')
  },
)

t.test('a key under which nothing is left may be missing at a start', async (t) => {
  const site = makeSite(t)
  site.ring('k2', 'k1')
  const { process } = await startUsed(t, site)
  for (const active of ['k1', 'k2']) {
    site.ring(active, active === 'k1' ? 'k2' : 'k1')
    await succeeds(t, ['reload', ...site.args])
  }
  await stop(process)
  site.ring('k2')
  for (let starts = 0; starts < 2; starts++) {
    const without = await start(t, site.args)
    t.notMatch(without.stdout(), /the keyring lacks the key/)
    t.equal(
      without.stdout().includes('counting what hangs on them'),
      starts === 0,
      'the count strikes the key out, and is not made again',
    )
    await stop(without)
  }
})

t.test('a restore refuses a keyring without a key of the backup before it writes', async (t) => {
  const site = makeSite(t)
  const { process } = await startUsed(t, site)
  const file = join(site.directory, 'backup')
  await succeeds(t, ['backup', file, ...site.args])
  await stop(process)
  const catalog = join(site.data, 'catalog')
  renameSync(catalog, join(site.directory, 'old'))
  renameSync(site.keyring, join(site.directory, 'whole'))
  const none = await run(['restore', file, ...site.args])
  t.match(none, { code: 1, stderr: /keyring: no such file: name another file with --keyring/ })
  site.ring('k2')
  const refused = await run(['restore', file, ...site.args])
  const why =
    /keyring: lacks the key k1, and 1 version, 2 uploads, 1 container, 1 bucket and 1 account of the backup hang on it/
  t.match(refused, { code: 1, stdout: '', stderr: why })
  t.throws(() => readFileSync(join(catalog, 'CURRENT')), { code: 'ENOENT' }, 'nothing is there')
  const elsewhere = ['restore', file, '--keyring', join(site.directory, 'whole'), ...site.args]
  t.match(await succeeds(t, elsewhere), /^Restored catalog/)
  rmSync(catalog, { recursive: true })
  await succeeds(t, ['restore', file, '--accept-missing-keys', ...site.args])
  renameSync(join(site.directory, 'whole'), site.keyring)
  const again = requester(await start(t, site.args))
  t.equal((await again.request('GET', '/bkt/o')).text, 'object')
  const list = await again.request('GET', '/bkt?uploads')
  t.equal(element(list, 'Key'), 'plain', 'uploads are back too')
})
