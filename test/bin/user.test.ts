// `coffer user`: users of the catalog, of a node that runs and of one that does not, beside those of users.yaml.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { send } from '../helpers/node.ts'
import { run, scratch, start, writeConfig } from '../helpers/process.ts'

/** `coffer user` on a data directory of the test's own. */
function userCommand(t: Test, more = '') {
  const cwd = scratch(t)
  const args = ['--config', writeConfig(cwd, more), '--data', join(cwd, 'data')]
  const user = (words: string, input?: string) =>
    run(['user', ...words.split(' '), ...args], {
      cwd,
      ...(input === undefined ? {} : { input }),
    })
  return { cwd, args, user, data: join(cwd, 'data') }
}

const passwordIn = (printed: string) => /^ {2}password {11}([A-Z2-7]{26})$/m.exec(printed)?.[1]
const accessIn = (printed: string) => /^ {2}access key id {6}(\w+)$/m.exec(printed)![1]!
const secretIn = (printed: string) => /^ {2}secret access key {2}(\w+)$/m.exec(printed)![1]!

/** The status of a login with Swift's headers. */
async function logIn(http: string, user: string, password: string): Promise<number> {
  const headers = { 'X-Auth-User': user, 'X-Auth-Key': password }
  return (await send(http, 'GET', '/auth/v1.0', { sign: false, headers }, '')).status
}

t.test('users are added, listed and removed where no node runs', async (t) => {
  const { data, user } = userCommand(t)
  t.match(await user('list'), { code: 0, stdout: '' }, 'nothing is made to list nobody')
  t.throws(() => readdirSync(data))
  t.match(await user('passwd main bob'), { code: 1 })
  t.throws(() => readdirSync(data))
  const added = await user('add main bob --role admin --role auditor')
  t.equal(added.code, 0, added.stderr)
  t.match(added.stdout, /^Added main:bob\. Shown once:$/m)
  t.ok(passwordIn(added.stdout))
  t.match(secretIn(added.stdout), /^[A-Z2-7]{40}$/)
  t.equal(statSync(data).mode & 0o777, 0o700)
  t.equal(statSync(join(data, 'keyring')).mode & 0o777, 0o600)
  const listed = await user('list')
  t.equal(listed.stdout, `main:bob\tadmin,auditor\t${accessIn(added.stdout)}\n`, listed.stderr)
  const again = await user('add main bob')
  t.same([again.code, again.stderr], [1, 'coffer: account main has a user bob already\n'])
  t.equal((await user('remove main bob')).code, 0)
  const gone = await user('remove main bob')
  t.same([gone.code, gone.stderr], [1, 'coffer: account main has no user bob\n'])
  t.equal((await user('list')).stdout, '')
})

t.test('a password can be given, or read from standard input, and is not printed', async (t) => {
  const { args, data, user } = userCommand(t)
  const given = await user('add a x --password hunter2 --role admin')
  const asked = await user('add a y --password', 'hunter2\n')
  for (const { code, stdout, stderr } of [given, asked]) {
    t.equal(code, 0, stderr)
    t.notMatch(stdout, /hunter2|password/)
  }
  t.equal((await user('add a z --password', '')).code, 1, 'an empty password is refused')
  const node = await start(t, args)
  for (const name of ['a:x', 'a:y']) t.equal(await logIn(node.http, name, 'hunter2'), 200)
  node.child.kill('SIGTERM')
  await node.exited
  for (const file of readdirSync(join(data, 'catalog'))) {
    t.notMatch(readFileSync(join(data, 'catalog', file), 'latin1'), 'hunter2', 'only its hash')
  }
})

t.test('what a command changes counts on the running node when it has ended', async (t) => {
  const { args, user } = userCommand(t)
  const node = await start(t, args)
  const added = await user('add main bob --role admin')
  t.equal(added.code, 0, added.stderr)
  const first = { access: accessIn(added.stdout), secret: secretIn(added.stdout) }
  const status = async (key: typeof first) => (await send(node.http, 'GET', '/', key, '')).status
  t.equal(await status(first), 200)
  const drawn = passwordIn((await user('passwd main bob')).stdout)!
  t.equal(await logIn(node.http, 'main:bob', drawn), 200)
  t.notMatch((await user('passwd main bob --password', 'hunter2\n')).stdout, /hunter2|Shown once/)
  t.equal(await logIn(node.http, 'main:bob', drawn), 401)
  t.equal(await logIn(node.http, 'main:bob', 'hunter2'), 200)
  t.match(await user('passwd main eve'), {
    code: 1,
    stderr: 'coffer: account main has no user eve\n',
  })
  const key = JSON.parse((await user('key add main bob --json')).stdout)
  t.equal(await status(key), 200)
  const list = JSON.parse((await user('list --json')).stdout)
  const bob = list.find(({ name }: { name: string }) => name === 'bob')
  t.match(bob, { account: 'main', roles: ['admin'], enabled: true, file: false })
  t.same(bob.accessKeys.sort(), [first.access, key.access].sort())
  t.equal((await user(`key remove ${key.access}`)).code, 0)
  t.equal(await status(key), 403)
  t.match(await user(`key remove ${key.access}`), {
    code: 1,
    stderr: /^coffer: nobody has the access key/,
  })
  t.match((await user('disable main bob')).stdout, 'Disabled main:bob')
  t.equal(await status(first), 403)
  t.equal(await logIn(node.http, 'main:bob', 'hunter2'), 401)
  t.match((await user('list')).stdout, /^main:bob\tadmin\t\w+\tdisabled$/m)
  await user('enable main bob')
  t.equal(await status(first), 200)
  t.match((await user('role remove main bob admin')).stdout, 'no longer has the role admin')
  t.equal(await status(first), 403)
  await user('role add main bob member')
  t.equal(await status(first), 200)
  t.equal((await user('remove main bob')).code, 0)
  t.equal(await status(first), 403)
})

t.test('users of users.yaml are listed with the others, and changed by nobody', async (t) => {
  const { cwd, user } = userCommand(t, 'users: mine.yaml\n')
  const text = '# mine\naccounts: [{ id: a, users: [{ name: b, password: p, roles: [admin] }] }]\n'
  const file = join(cwd, 'mine.yaml')
  writeFileSync(file, text, { mode: 0o600 })
  t.equal((await user('add a c --role member')).code, 0)
  t.match((await user('list')).stdout, /^a:b\tadmin\t-\tusers\.yaml\na:c\tmember\t\w+\n$/)
  t.match(await user('add a b'), { code: 1, stderr: 'coffer: account a has a user b already\n' })
  for (const words of ['passwd a b', 'remove a b', 'disable a b', 'role add a b member']) {
    t.match(
      await user(words),
      { code: 1, stderr: /users\.yaml, which only its operator edits/ },
      words,
    )
  }
  t.equal((await user('key add a b')).code, 0, 'but it can have more access keys')
  t.equal(readFileSync(file, 'utf8'), text)
})

t.test('user add warns of a user without rights, and of a role that nobody knows', async (t) => {
  const more = 'swift: { resellers: [{ prefix: A, serviceRole: helper }] }\n'
  const { user } = userCommand(t, more)
  const add = async (name: string, ...roles: string[]) => {
    const options = roles.map((role) => ` --role ${role}`).join('')
    const { code, stderr } = await user(`add main ${name}${options}`)
    t.equal(code, 0, name)
    return stderr
  }
  t.match(await add('one'), /^warning: main:one has no role that gives rights: .*--role admin/)
  const typed = await add('two', 'amdin')
  t.match(typed, /^warning: nothing here knows the role "amdin"; .*: admin, reseller_admin, /)
  t.match(typed, 'main:two has no role that gives rights')
  t.equal(await add('three', 'admin', 'admin'), '')
  t.equal(await add('four', 'reseller_reader'), '')
  t.equal(await add('five', 'admin', 'helper'), '', 'a role of the configuration is known')
  t.equal(await add('six', 'member'), '', 'so is one that owns the account')
  t.match((await user('list')).stdout, /^main:three\tadmin\t/m)
})
