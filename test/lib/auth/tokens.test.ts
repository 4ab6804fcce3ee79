// Tokens: whom they stand for, and all that ends them.
import { createHmac, hkdfSync } from 'node:crypto'
import t from 'tap'
import { makeTokens } from '../../../lib/auth/tokens.ts'
import { makeUsers } from '../../../lib/auth/users.ts'
import { memoryRevocations } from '../../helpers/revocations.ts'

const LIFE_SECONDS = 86_400
const nowMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678)

const usersWith = (password: string | undefined, roles: string[] = ['admin']) =>
  makeUsers({
    accounts: [
      {
        id: 'tést',
        users: [
          { name: 'a:b', roles, ...(password !== undefined && { password }) },
          { name: 'other', password: 'x' },
        ],
      },
    ],
  })
const account = 'tést'
const user = 'a:b'

const keyring = (active: string, ...ids: string[]) => ({
  active,
  key: (id: string) => (ids.includes(id) ? Buffer.alloc(32, id) : undefined),
})
const neverLoggedOut = memoryRevocations()
const options = { prefix: 'AUTH', lifeSeconds: LIFE_SECONDS }
const makeFor = (active = 'k1', ...ids: string[]) =>
  makeTokens(keyring(active, active, ...ids), neverLoggedOut, options)

async function issued(tokens = makeFor(), users = usersWith('secret'), atMs = nowMs) {
  const found = await tokens.issue(users, users.byName(account, user)!, atMs)
  if (found === undefined) throw new Error('no token')
  return found
}

t.test('a token stands for its user, on another process with the same keyring too', async (t) => {
  const users = usersWith('secret')
  const { token, expiresSeconds } = await issued()
  t.match(token, /^AUTH_tk[A-Za-z0-9_-]+$/)
  t.equal(expiresSeconds, Math.floor(nowMs / 1000) + LIFE_SECONDS)
  const found = await makeFor().open(users, token, nowMs)
  t.strictSame(found, { account, user, roles: ['admin'] })
  t.strictSame(
    await makeFor('k2', 'k1').open(users, token, nowMs),
    found,
    'after the root key changed',
  )
  t.equal(await makeFor('k2').open(users, token, nowMs), undefined, 'without the key that made it')
})

t.test('a token is an HMAC under a key of its own, written down here a second time', async (t) => {
  const key = Buffer.from(hkdfSync('sha256', Buffer.alloc(32, 'k1'), '', 'coffer/v2 token', 32))
  const users = usersWith('secret')
  const { token } = await issued()
  const { id } = (await makeFor().read(users, token, nowMs))!.facts
  const claims = ['k1', account, user, 1767409445, '', id, nowMs, 'password', '', true]
  const said = Buffer.from(JSON.stringify(claims))
  const record = users.passwordDigest(account, user)!
  const mac = createHmac('sha256', key).update(record).update(said).digest()
  t.equal(token, `AUTH_tk${Buffer.concat([mac, said]).toString('base64url')}`)
})

t.test('a token is good to the last millisecond, and not one longer', async (t) => {
  const users = usersWith('secret')
  const { token, expiresSeconds } = await issued()
  const endMs = expiresSeconds * 1000
  t.ok(await makeFor().open(users, token, endMs - 1))
  t.equal(await makeFor().open(users, token, endMs), undefined)
})

t.test('roles are those that the user has now', async (t) => {
  const { token } = await issued()
  t.strictSame((await makeFor().open(usersWith('secret', []), token, nowMs))?.roles, [])
})

t.test('a changed or missing password and a removed user end a token', async (t) => {
  const { token } = await issued()
  t.equal(await makeFor().open(usersWith('Secret'), token, nowMs), undefined)
  t.equal(await makeFor().open(usersWith(undefined), token, nowMs), undefined)
  t.equal(await makeFor().open(makeUsers({ accounts: [] }), token, nowMs), undefined)
  const none = usersWith(undefined)
  t.equal(await makeFor().issue(none, none.byName(account, user)!, nowMs), undefined)
})

t.test('no other byte makes a token', async (t) => {
  const users = usersWith('secret')
  const { token } = await issued()
  const start = 'AUTH_tk'.length
  for (let i = 0; i < token.length; i++) {
    const changed = `${token.slice(0, i)}${token[i] === 'A' ? 'B' : 'A'}${token.slice(i + 1)}`
    t.equal(await makeFor().open(users, changed, nowMs), undefined, `character ${i}`)
  }
  const bytes = Buffer.from(token.slice(start), 'base64url')
  const wrong = [
    '',
    'AUTH_',
    'AUTH_tk',
    'AUTH_tkA',
    `${token}=`,
    `${token}A`,
    token.slice(0, -1),
    token.slice(start),
    `SERVICE_tk${token.slice(start)}`,
    `AUTH_tk${bytes.subarray(0, 32).toString('base64url')}`,
    `AUTH_tk${Buffer.concat([bytes.subarray(0, 32), Buffer.from('[1]')]).toString('base64url')}`,
    `AUTH_tk${Buffer.concat([bytes.subarray(0, 32), Buffer.from('null')]).toString('base64url')}`,
  ]
  for (const word of wrong) t.equal(await makeFor().open(users, word, nowMs), undefined, word)
})

t.test('the same token is handed out again while it is good', async (t) => {
  const tokens = makeFor()
  const first = await issued(tokens)
  t.strictSame(await issued(tokens, usersWith('secret'), nowMs + 5000), first)
  t.not((await issued(tokens, usersWith('changed'), nowMs + 5000)).token, first.token)
  const later = await issued(makeFor(), usersWith('secret'), nowMs + LIFE_SECONDS * 1000)
  t.not(later.token, first.token)
  const users = usersWith('secret')
  const other = await tokens.issue(users, users.byName(account, 'other')!, nowMs)
  t.not(other!.token, first.token, 'another user has another one')
})

t.test('a keyring without its active key makes no token', async (t) => {
  const tokens = makeTokens(keyring('k1', 'k2'), neverLoggedOut, options)
  await t.rejects(issued(tokens), { code: 'Internal' })
})

t.test('a logout ends the tokens of its user, and the next one is another', async (t) => {
  const users = usersWith('secret')
  const logouts = memoryRevocations()
  const tokens = makeTokens(keyring('k1', 'k1'), logouts, options)
  const elsewhere = makeTokens(keyring('k1', 'k1'), logouts, options)
  const others = (await tokens.issue(users, users.byName(account, 'other')!, nowMs))!
  const seen = new Set<string>()
  for (let round = 0; round < 3; round++) {
    const { token } = await issued(tokens)
    seen.add(token)
    t.ok(await elsewhere.open(users, token, nowMs), 'good on another node')
    await tokens.logout({ account, user })
    for (const before of seen) {
      t.equal(await tokens.open(users, before, nowMs), undefined)
      t.equal(await elsewhere.open(users, before, nowMs), undefined, 'on another node too')
    }
  }
  t.equal(seen.size, 3, 'in the same millisecond')
  t.ok(await tokens.open(users, others.token, nowMs), 'another user’s stays')
})

t.test('a revoked token is over, and no other of its user', async (t) => {
  const users = usersWith('secret')
  const revocations = memoryRevocations()
  const tokens = makeTokens(keyring('k1', 'k1'), revocations, options)
  const elsewhere = makeTokens(keyring('k1', 'k1'), revocations, options)
  const facts = { methods: ['password'], delegate: '', isScoped: true } as const
  const own = async () =>
    (await tokens.issueOwn(users, users.byName(account, user)!, facts, nowMs))!.token
  const [one, two] = [await own(), await own()]
  t.not(one, two, 'each is of its own')
  await tokens.revoke(one, (await tokens.read(users, one, nowMs))!)
  t.equal(await elsewhere.read(users, one, nowMs), undefined)
  t.ok(await elsewhere.open(users, two, nowMs))
})

t.test('a token that is not scoped names its user, and opens nothing', async (t) => {
  const users = usersWith('secret')
  const facts = { methods: ['token', 'password'], delegate: '', isScoped: false } as const
  const asked = { ...facts, expiresSeconds: Math.floor(nowMs / 1000) + 5 }
  const made = (await makeFor().issueOwn(users, users.byName(account, user)!, asked, nowMs))!
  t.equal(await makeFor().open(users, made.token, nowMs), undefined)
  const found = await makeFor().read(users, made.token, nowMs)
  t.strictSame(found?.facts.methods, ['token', 'password'])
  t.equal(await makeFor().read(users, made.token, nowMs + 5000), undefined, 'a shorter life')
})
