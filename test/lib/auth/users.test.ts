// Users, credentials and passwords of users.yaml.
import { inspect } from 'node:util'
import { Ajv } from 'ajv'
import t from 'tap'
import { hashPassword, isPasswordHash, verifyPassword } from '../../../lib/auth/passwords.ts'
import { makeUsers, type UsersFile, UsersInvalid, usersSchema } from '../../../lib/auth/users.ts'

const file: UsersFile = {
  accounts: [
    {
      id: 'test',
      users: [
        { name: 'plain', roles: ['reader'] },
        {
          name: 'tester',
          password: 'testing',
          roles: ['admin'],
          s3: [
            {
              access: 'test:tester',
              secret: 'secret-one',
              canonicalId: 'c1',
              displayName: 'Test',
              email: 't@example.com',
            },
            { access: 'second', secret: 'secret-two' },
          ],
        },
      ],
    },
    { id: 'other', users: [] },
  ],
}

const valid = new Ajv({ strict: true }).compile(usersSchema)

t.test('credentials are found by access key, with whom they stand for', async (t) => {
  const users = makeUsers(file)
  const found = users.byAccessKey('test:tester')!
  t.strictSame(found.identity, { account: 'test', user: 'tester', roles: ['admin'] })
  t.equal(found.secret, 'secret-one')
  t.equal(found.canonicalId, 'c1')
  t.equal(found.displayName, 'Test')
  t.equal(found.email, 't@example.com')
  const second = users.byAccessKey('second')!
  t.equal(second.canonicalId, 'test', "defaults to the account's id")
  t.equal(second.displayName, 'test')
  t.equal(users.byAccessKey('nobody'), undefined)
  t.notMatch(inspect(users, { depth: 9, showHidden: true }), /secret-|testing/)
  t.notMatch(JSON.stringify(found), /secret-/)
})

t.test("the owner is the account's first S3 credential, else the account", async (t) => {
  const users = makeUsers(file)
  t.strictSame(users.owner('test'), { canonicalId: 'c1', displayName: 'Test' })
  t.strictSame(users.owner('other'), { canonicalId: 'other', displayName: 'other' })
  t.strictSame(users.owner('gone'), { canonicalId: 'gone', displayName: 'gone' })
  t.equal(users.byCanonicalId('c1'), 'test')
  t.equal(users.byCanonicalId('test'), 'test')
  t.equal(users.byCanonicalId('c2'), undefined)
})

t.test('users are found by password, in the clear or hashed', async (t) => {
  const hashed = await hashPassword('pässword')
  const users = makeUsers({
    accounts: [
      {
        id: 'a',
        users: [
          { name: 'clear', password: 'testing' },
          { name: 'hashed', password: hashed },
          { name: 'none' },
        ],
      },
    ],
  })
  const user = async (name: string, password: string) =>
    (await users.byPassword('a', name, password, '::1'))?.user
  t.equal(await user('clear', 'testing'), 'clear')
  t.equal(await user('clear', 'testin'), undefined)
  t.equal(await user('hashed', 'pässword'), 'hashed')
  t.equal(await user('hashed', hashed), undefined, 'the hash is not the password')
  t.equal(await user('none', ''), undefined)
  t.equal(await user('nobody', 'testing'), undefined)
  t.equal(await users.byPassword('b', 'clear', 'testing', '::1'), undefined)
})

t.test('password hashes have a form and a limit', async (t) => {
  const hash = await hashPassword('x')
  t.match(hash, /^\$scrypt\$16384\$8\$1\$[A-Za-z0-9+/]{22}==\$[A-Za-z0-9+/]{43}=$/)
  t.not(hash, await hashPassword('x'), 'salted')
  t.ok(isPasswordHash(hash))
  for (const wrong of [
    '$scrypt$16384$8$1$AAAA',
    hash.replace('16384', '16383'),
    hash.replace('16384', '0'),
    hash.replace('16384', '8388608'),
    hash.replace('$8$', '$0$'),
  ]) {
    t.notOk(isPasswordHash(wrong), wrong.slice(0, 24))
    t.notOk(await verifyPassword('x', wrong))
  }
})

t.test('a file that contradicts itself is refused, with the place', async (t) => {
  const s3 = (access: string, canonicalId?: string) => ({
    access,
    secret: 's',
    ...(canonicalId !== undefined && { canonicalId }),
  })
  const cases: [UsersFile['accounts'], string][] = [
    [
      [
        { id: 'a', users: [] },
        { id: 'a', users: [] },
      ],
      '/accounts/1/id',
    ],
    [[{ id: 'a', users: [{ name: 'u' }, { name: 'u' }] }], '/accounts/0/users/1/name'],
    [
      [{ id: 'a', users: [{ name: 'u', s3: [s3('k'), s3('k')] }] }],
      '/accounts/0/users/0/s3/1/access',
    ],
    [
      [
        { id: 'a', users: [{ name: 'u', s3: [s3('k', 'b')] }] },
        { id: 'b', users: [] },
      ],
      '/accounts/0/users/0/s3/0/canonicalId',
    ],
    [
      [{ id: 'a', users: [{ name: 'u', password: '$scrypt$1$2$3$4$5' }] }],
      '/accounts/0/users/0/password',
    ],
  ]
  for (const [accounts, path] of cases) {
    try {
      makeUsers({ accounts })
      t.fail(`accepted ${path}`)
    } catch (error) {
      t.ok(error instanceof UsersInvalid)
      t.equal((error as UsersInvalid).path, path)
      t.notMatch((error as Error).message, /scrypt\$1/)
    }
  }
})

t.test(
  'the schema accepts the sample and refuses names that would break keys and logs',
  async (t) => {
    t.ok(valid(file))
    const withId = (id: string) => ({ accounts: [{ id, users: [] }] })
    for (const id of ['', 'a/b', 'a\nb', 'a\u0000b', 'a\u007fb'])
      t.notOk(valid(withId(id)), `id ${JSON.stringify(id)}`)
    for (const id of ['a', 'AUTH_test', 'Zoë', '7'.repeat(256)]) t.ok(valid(withId(id)))
    const withAccess = (access: string) => ({
      accounts: [{ id: 'a', users: [{ name: 'u', s3: [{ access, secret: 's' }] }] }],
    })
    for (const access of ['', 'a b', 'a,b', 'a/b', 'é']) t.notOk(valid(withAccess(access)), access)
    for (const access of ['test:tester', 'AKIA+=-._~', "!'()*"])
      t.ok(valid(withAccess(access)), access)
    t.notOk(valid({ accounts: [{ id: 'a', users: [], extra: 1 }] }), 'unknown keys are errors')
  },
)
