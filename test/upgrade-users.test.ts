// The upgrade rule for users, credentials and secrets: this release reads what every release before it has written.
import { chmodSync, cpSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { SUMS_FILE, sumsOf } from './fixtures/sums.ts'
import type { ExpectedUsers } from './fixtures/write-users.ts'
import { appCredentialLogin, passwordLogin } from './helpers/identity.ts'
import { startIdentityProcess } from './helpers/identity-process.ts'
import { send } from './helpers/node.ts'
import { root, run, scratch } from './helpers/process.ts'

const home = join(root, 'test/fixtures')
const releases = readdirSync(home).filter((name) => name.startsWith('users-'))
t.ok(releases.length > 0)

for (const name of releases) {
  t.test(`users and secrets of the release of ${name} are as they were`, async (t) => {
    t.equal(readFileSync(join(home, name, SUMS_FILE), 'utf8'), sumsOf(join(home, name)))
    const directory = scratch(t)
    const data = join(directory, 'data')
    cpSync(join(home, name), data, { recursive: true })
    // Git keeps no modes but the executable bit.
    chmodSync(join(data, 'keyring'), 0o600)
    const expected: ExpectedUsers = parse(readFileSync(join(data, 'expected.yaml'), 'utf8'))
    const { http, ask, keys, stop } = await startIdentityProcess(t, data, directory)
    const login = (body: object) => ask('POST', '/v3/auth/tokens', { body })
    const { admin, alice, bob } = expected
    t.equal((await login(passwordLogin('admin', admin.password, 'main'))).status, 201)
    t.equal((await login(passwordLogin('bob', bob.password, 'main'))).status, 401, 'disabled')
    t.equal((await login(appCredentialLogin(alice.app.id, alice.app.secret))).status, 201)
    for (const key of [admin, alice.ec2]) {
      const { access, secret } = key
      t.equal((await send(http, 'GET', '/', { access, secret }, '')).status, 200)
    }
    const answer = await login(passwordLogin('alice', alice.password, 'main'))
    t.match(answer.json.token, { roles: [{ name: 'creator' }, { name: 'member' }] })
    const token = String(answer.headers['x-subject-token'])
    const show = (path: string) => keys('GET', path, { token })
    const { secret, shared, order, container } = expected
    t.equal((await show(`${secret.path}/payload`)).text, secret.payload)
    t.match((await show(`${shared.path}/acl`)).json.read, {
      ...{ 'project-access': false, users: ['main:bob'] },
    })
    const made = new URL((await show(order.path)).json.secret_ref).pathname
    t.equal((await show(`${made}/payload`)).body.length, order.bytes)
    const [part] = (await show(container.path)).json.secret_refs
    t.equal(new URL(part.secret_ref).pathname, container.secretPath)
    await stop()
    const config = ['--config', join(directory, 'coffer.yaml'), '--data', data]
    const { code, stdout } = await run(['fsck', ...config])
    t.equal(code, 0, stdout)
  })
}
