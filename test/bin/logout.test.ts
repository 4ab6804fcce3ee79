// `coffer user logout`: ends the tokens of one user, of a node that runs and of one that does not.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { stringify } from 'yaml'
import { send, users } from '../helpers/node.ts'
import { run, scratch, start, writeConfig } from '../helpers/process.ts'

const accounts: Record<string, string> = { tester: 'test', other: 'other' }
const passwords: Record<string, string> = { tester: 'testing', other: 'testing2' }

async function tokenOf(base: string, user: string): Promise<string> {
  const headers = { 'X-Auth-User': `${accounts[user]}:${user}`, 'X-Auth-Key': passwords[user]! }
  const answer = await send(base, 'GET', '/auth/v1.0', { sign: false, headers }, '')
  return String(answer.headers['x-auth-token'])
}

async function isGood(base: string, user: string, token: string): Promise<boolean> {
  const headers = { 'X-Auth-Token': token }
  const path = `/v1/AUTH_${accounts[user]}`
  return (await send(base, 'HEAD', path, { sign: false, headers }, '')).status < 300
}

t.test('a user that an operator logs out needs a new token', async (t) => {
  const directory = scratch(t)
  const usersFile = join(directory, 'users.yaml')
  writeFileSync(usersFile, stringify(users), { mode: 0o600 })
  const config = writeConfig(directory, `users: ${usersFile}\n`)
  const args = ['--config', config, '--data', join(directory, 'data')]
  const logout = (account: string, user: string) => run(['user', 'logout', account, user, ...args])

  const early = await logout('test', 'tester')
  t.equal(early.code, 1, 'where there is no catalog yet, there are no tokens')
  let node = await start(t, args)
  const first = await tokenOf(node.http, 'tester')
  const others = await tokenOf(node.http, 'other')
  t.match(await logout('test', 'tester'), {
    code: 0,
    stdout: 'Ended all tokens of test:tester.\n',
    stderr: '',
  })
  t.notOk(await isGood(node.http, 'tester', first), 'it is over at once')
  t.ok(await isGood(node.http, 'other', others), 'another user’s is not')
  const second = await tokenOf(node.http, 'tester')
  t.not(second, first)
  t.ok(await isGood(node.http, 'tester', second))

  for (const [account, user] of [
    ['test', 'nobody'],
    ['nobody', 'tester'],
  ] as const) {
    t.match(await logout(account, user), { code: 1, stderr: `account ${account} has no user` })
  }

  node.child.kill('SIGTERM')
  await node.exited
  t.match(await logout('test', 'tester'), { code: 0 }, 'of a node that does not run')
  node = await start(t, args)
  t.notOk(await isGood(node.http, 'tester', first))
  t.notOk(await isGood(node.http, 'tester', second))
  t.ok(await isGood(node.http, 'other', others), 'another user’s survives the restart')
  t.ok(await isGood(node.http, 'tester', await tokenOf(node.http, 'tester')))
})
