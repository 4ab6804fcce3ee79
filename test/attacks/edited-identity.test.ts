// Somebody who has the disks of a stopped node, and none of its keys, edits rows of users, credentials and secrets: who
// gets in when the node starts again, and what the threat model of docs/format.md §8 admits.
import t from 'tap'
import type { Catalog, Commit } from '../../lib/catalog/catalog.ts'
import { identityKeys, identityPrefixes } from '../../lib/catalog/identity-keys.ts'
import {
  appCredentialRow,
  ec2CredentialRow,
  projectRow,
  type SecretRow,
  secretContainerRow,
  secretOrderRow,
  secretRow,
  type UserRow,
  userRow,
} from '../../lib/catalog/identity-rows.ts'
import { endOf } from '../../lib/catalog/keys.ts'
import { randomId } from '../../lib/names.ts'
import { edited, type Put } from '../helpers/edited-row.ts'
import {
  administrators,
  appCredentialLogin,
  type IdentityNode,
  type RestAnswer,
  startIdentityNode,
} from '../helpers/identity.ts'
import { attackTable } from './table.ts'

const table = attackTable(t, 'edited identity')

/** A user `test:<name>` with the role `creator` and the password `secret1`, made for one edit, and what else was made. */
interface Site extends IdentityNode {
  readonly name: string
  /** Tokens of administrators: of all, of `test`, of `other`. */
  readonly root: string
  readonly admin: string
  readonly other: string
  /** The user's own. */
  readonly token: string
  /** What `prepare` has made. */
  readonly made: Record<string, string>
  /** Rows that were kept before they changed. */
  readonly kept: Put[]
}

interface Attack {
  prepare?(site: Site): Promise<void>
  edit(catalog: Catalog, site: Site): Promise<Omit<Commit, 'id'>>
  /** What was tried once the node has started again, and whether it held. */
  outcome(site: Site): Promise<Record<string, boolean>>
}

const idOf = (answer: RestAnswer) =>
  new URL(Object.values(answer.json)[0] as string).pathname.split('/').at(-1)!
const userKey = ({ name }: Site) => identityKeys.user('test', name)
const userPath = ({ name }: Site) => `/v3/users/test:${name}`

const inUser =
  (change: (row: UserRow) => Partial<UserRow>) => async (catalog: Catalog, site: Site) => ({
    put: [await edited(catalog, userKey(site), userRow, change)],
  })
const inSecret =
  (change: (row: SecretRow) => Partial<SecretRow>) => async (catalog: Catalog, site: Site) => ({
    put: [await edited(catalog, identityKeys.secret('test', site.made.secret!), secretRow, change)],
  })

const keep = async ({ node, kept }: Site, ...keys: string[]) => {
  const rows = await node.coffer.stores.catalog.getMany(keys)
  for (const row of rows) kept.push({ key: row!.key, value: Buffer.from(row!.value) })
}

/** Nobody logs in as the user, by what it was or by what the edit says. */
async function isOut({ login, name, node }: Site, ...passwords: string[]) {
  const tried: Record<string, boolean> = {}
  for (const password of ['secret1', ...passwords]) {
    const headers = { 'x-auth-user': `test:${name}`, 'x-auth-key': password }
    const v1 = await node.request('GET', '/auth/v1.0', { sign: false, headers })
    tried[`Keystone’s login with ${password}`] =
      (await login(name, password, 'test')).status === 401
    tried[`Swift’s login with ${password}`] = v1.status === 401
  }
  return tried
}

const makeSecret = async (site: Site) => {
  const body = { name: 'mine', payload: 'kept', payload_content_type: 'text/plain' }
  site.made.secret = idOf(await site.keys('POST', '/v1/secrets', { token: site.token, body }))
}
/** As `makeSecret`; nobody else of the project reads it. */
const makePrivate = async (site: Site) => {
  await makeSecret(site)
  const body = { read: { 'project-access': false } }
  await site.keys('PUT', `/v1/secrets/${site.made.secret}/acl`, { token: site.token, body })
}
const readPayload = ({ keys, made }: Site, token: string) =>
  keys('GET', `/v1/secrets/${made.secret}/payload`, { token })

async function isShut(site: Site) {
  return {
    'the user of another project': (await readPayload(site, site.other)).status === 403,
    'its creator': (await readPayload(site, site.token)).status === 403,
    'an administrator reads on': (await readPayload(site, site.admin)).text === 'kept',
  }
}

const attacks: Record<string, Attack> = {
  'nothing is edited': {
    prepare: makeSecret,
    edit: async () => ({}),
    outcome: async (site) => ({
      'the user logs in': (await site.login(site.name, 'secret1', 'test')).status === 201,
      'and reads the secret': (await readPayload(site, site.token)).text === 'kept',
    }),
  },
  'a user’s roles': {
    edit: inUser(() => ({ roles: ['admin', 'reseller_admin'] })),
    outcome: async (site) => ({
      ...(await isOut(site)),
      'a token of before': (await site.ask('GET', userPath(site), site)).status === 401,
    }),
  },
  'a user’s password': {
    prepare: async (site) => keep(site, identityKeys.user('test', 'keeper')),
    edit: async (catalog, site) => {
      const { password } = userRow.decodeUnproven(site.kept[0]!.value)
      return await inUser(() => ({ password }))(catalog, site)
    },
    outcome: (site) => isOut(site, 'another1'),
  },
  'a disabled user': {
    prepare: async (site) => {
      const body = { user: { enabled: false } }
      await site.ask('PATCH', userPath(site), { token: site.root, body })
    },
    edit: inUser(() => ({ enabled: true })),
    outcome: (site) => isOut(site),
  },
  'another user’s row': {
    prepare: async (site) => keep(site, identityKeys.user('test', 'keeper')),
    edit: async (_, site) => ({
      put: [
        { key: userKey(site), value: site.kept[0]!.value },
        { key: identityKeys.user('test', 'ghost'), value: site.kept[0]!.value },
      ],
    }),
    outcome: async (site) => ({
      ...(await isOut(site, 'another1')),
      'a user that never was': (await site.login('ghost', 'another1', 'test')).status === 401,
    }),
  },
  'an old row of a user, which is admitted': {
    prepare: async (site) => {
      await keep(site, userKey(site))
      const body = { user: { password: 'newer123' } }
      await site.ask('PATCH', userPath(site), { token: site.root, body })
    },
    edit: async (_, { kept }) => ({ put: kept }),
    outcome: async ({ login, name }) => ({
      'the password of before': (await login(name, 'secret1', 'test')).status === 201,
    }),
  },
  'whose an access key is': {
    prepare: async (site) => {
      const path = `${userPath(site)}/credentials/OS-EC2`
      const { credential } = (await site.ask('POST', path, { token: site.token, body: {} })).json
      Object.assign(site.made, { access: credential.access, secret: credential.secret })
    },
    edit: async (catalog, { made }) => {
      const key = identityKeys.ec2Credential(made.access!)
      const { value } = (await catalog.get(key))!
      const change = () => ({ user: 'tester', userId: '' })
      const copy = { key: identityKeys.ec2Credential('f'.repeat(32)), value: Buffer.from(value) }
      return { put: [await edited(catalog, key, ec2CredentialRow, change), copy] }
    },
    outcome: async (site) => {
      const { access = '', secret = '' } = site.made
      const list = '/v3/users/test:tester/credentials/OS-EC2'
      const listed = await site.ask('GET', list, { token: site.admin })
      return {
        'it signs for nobody':
          (await site.node.request('GET', '/', { access, secret })).status === 403,
        'nor does a copy':
          (await site.node.request('GET', '/', { access: 'f'.repeat(32), secret })).status === 403,
        'and is shown to nobody': listed.status === 200 && !listed.text.includes(access),
      }
    },
  },
  'an application credential’s roles and end': {
    prepare: async (site) => {
      const path = `${userPath(site)}/application_credentials`
      const body = { application_credential: { name: 'app', expires_at: '2099-01-01T00:00:00' } }
      const { json } = await site.ask('POST', path, { token: site.token, body })
      Object.assign(site.made, json.application_credential)
    },
    edit: async (catalog, { made }) => {
      const key = identityKeys.appCredential(made.id!)
      const change = () => ({ roles: ['creator', 'admin'], expiresSeconds: null })
      return { put: [await edited(catalog, key, appCredentialRow, change)] }
    },
    outcome: async ({ ask, made }) => {
      const body = appCredentialLogin(made.id!, made.secret!)
      return { 'it logs in': (await ask('POST', '/v3/auth/tokens', { body })).status === 401 }
    },
  },
  'a disabled project': {
    prepare: async ({ ask, root: token }) => {
      await ask('POST', '/v3/projects', { token, body: { project: { name: 'closed' } } })
      const user = { name: 'inmate', password: 'secret1', default_project_id: 'closed' }
      await ask('POST', '/v3/users', { token, body: { user } })
      await ask('PATCH', '/v3/projects/closed', { token, body: { project: { enabled: false } } })
    },
    edit: async (catalog) => {
      const change = () => ({ enabled: true })
      return { put: [await edited(catalog, identityKeys.project('closed'), projectRow, change)] }
    },
    outcome: async ({ login }) => ({
      'its user': (await login('inmate', 'secret1', 'closed')).status === 401,
    }),
  },
  'a secret’s list': {
    prepare: makePrivate,
    edit: inSecret(({ acl }) => ({
      acl: { ...acl!, projectAccess: true, users: ['other:other'] },
    })),
    outcome: isShut,
  },
  'a secret’s creator': {
    prepare: makePrivate,
    edit: inSecret(() => ({ creator: 'other:other' })),
    outcome: isShut,
  },
  'when a secret ends': {
    prepare: makeSecret,
    edit: inSecret(() => ({ expiresMicros: 1 })),
    outcome: isShut,
  },
  'a secret is brought into another project': {
    prepare: makeSecret,
    edit: async (catalog, { made }) => {
      const id = made.secret!
      const stored = async (key: string) => Buffer.from((await catalog.get(key))!.value)
      const home = await stored(identityKeys.secretHome(id))
      return {
        put: [
          {
            key: identityKeys.secret('other', id),
            value: await stored(identityKeys.secret('test', id)),
          },
          {
            key: identityKeys.secretPayload('other', id),
            value: await stored(identityKeys.secretPayload('test', id)),
          },
          {
            key: identityKeys.secretHome(id),
            value: Buffer.from(home.toString('latin1').replace('dtest', 'eother'), 'latin1'),
          },
        ],
      }
    },
    outcome: async (site) => {
      const shown = await site.keys('GET', `/v1/secrets/${site.made.secret}`, { token: site.other })
      const payload = await readPayload(site, site.other)
      return {
        'what is said of it': shown.status === 200 && !shown.text.includes('mine'),
        'its payload': payload.status === 500 && !payload.text.includes('kept'),
      }
    },
  },
  'which secrets a container has, and which an order made': {
    prepare: async (site) => {
      await makeSecret(site)
      const { token, keys, made } = site
      const secrets = [{ name: 'k', secret_ref: `https://host/v1/secrets/${made.secret}` }]
      const group = { type: 'generic', name: 'mine', secret_refs: secrets }
      made.container = idOf(await keys('POST', '/v1/containers', { token, body: group }))
      const order = { type: 'key', meta: { algorithm: 'aes', bit_length: 256 } }
      made.order = idOf(await keys('POST', '/v1/orders', { token, body: order }))
    },
    edit: async (catalog, { made }) => {
      const container = identityKeys.secretContainer('test', made.container!)
      const order = identityKeys.secretOrder('test', made.order!)
      const secrets = [{ name: 'k', secret: 'a lure' }]
      return {
        put: [
          await edited(catalog, container, secretContainerRow, () => ({ secrets })),
          await edited(catalog, order, secretOrderRow, () => ({ secret: 'a lure' })),
        ],
      }
    },
    outcome: async ({ keys, made, token, admin }) => {
      const show = (path: string, token: string) => keys('GET', path, { token })
      const [container, order] = [`/v1/containers/${made.container}`, `/v1/orders/${made.order}`]
      const shown = [await show(container, admin), await show(order, admin)]
      return {
        'the container’s creator': (await show(container, token)).status === 403,
        'the order’s creator': (await show(order, token)).status === 403,
        'nor is an administrator led anywhere': shown.every(
          ({ status, text }) => status === 200 && !text.includes('lure'),
        ),
        'the order has failed': shown[1]!.json.status === 'ERROR',
      }
    },
  },
  'a revocation is gone, which is admitted': {
    prepare: async ({ ask, token, admin }) => {
      await ask('DELETE', '/v3/auth/tokens', {
        token: admin,
        headers: { 'x-subject-token': token },
      })
    },
    edit: async (catalog) => {
      const prefix = 'revocation/'
      const { entries } = await catalog.scan({ from: prefix, to: endOf(prefix), limit: 10 })
      return { del: entries.flatMap((entry) => ('key' in entry ? [entry.key] : [])) }
    },
    outcome: async (site) => ({
      'the token': (await site.ask('GET', userPath(site), site)).status === 200,
    }),
  },
}

t.test('rows of users and secrets that are edited without a key let nobody in', async (t) => {
  const started = await startIdentityNode(t)
  started.node.replaceUsers(administrators)
  const { node, ask, tokenOf } = started
  const root = await tokenOf('root', 'root-pass')
  const makeUser = async (name: string, password: string) => {
    const user = { name, password, default_project_id: 'test' }
    await ask('POST', '/v3/users', { token: root, body: { user } })
    await ask('PUT', `/v3/projects/test/users/test:${name}/roles/creator`, { token: root })
    return await tokenOf(name, password, 'test')
  }
  await makeUser('keeper', 'another1')
  const [admin, other] = [await tokenOf('tester', 'testing'), await tokenOf('other', 'testing2')]
  const sites: [string, Attack, Site][] = []
  for (const [what, attack] of Object.entries(attacks)) {
    const name = `u${sites.length}`
    const token = await makeUser(name, 'secret1')
    const site: Site = { ...started, name, root, admin, other, token, made: {}, kept: [] }
    await attack.prepare?.(site)
    sites.push([what, attack, site])
  }
  await node.restart(async (catalog) => {
    for (const [, { edit }, site] of sites) {
      await catalog.commit({ id: randomId(), ...(await edit(catalog, site)) })
    }
  })
  node.replaceUsers(administrators)
  for (const [what, { outcome }, site] of sites) {
    for (const [who, held] of Object.entries(await outcome(site))) {
      table.tried(`${what}: ${who}`, held)
    }
  }
  t.match(node.logged(), `"row":"${identityPrefixes.user}test/u1"`, 'the log names a row')
})

t.test('an administrator sets a user anew, and nothing of the edited row stays', async (t) => {
  const { node, ask, login, tokenOf } = await startIdentityNode(t)
  node.replaceUsers(administrators)
  const root = await tokenOf('root', 'root-pass')
  const user = { name: 'alice', password: 'secret1', default_project_id: 'test' }
  await ask('POST', '/v3/users', { token: root, body: { user } })
  await node.restart(async (catalog) => {
    const key = identityKeys.user('test', 'alice')
    const put = [await edited(catalog, key, userRow, () => ({ roles: ['admin'], email: 'x' }))]
    await catalog.commit({ id: randomId(), put })
  })
  node.replaceUsers(administrators)
  const path = '/v3/users/test:alice'
  const shown = await ask('GET', path, { token: root })
  t.match(shown.json.user, { enabled: false })
  t.notMatch(shown.text, '"x"')
  const body = { user: { password: 'newer123', enabled: true } }
  t.equal((await ask('PATCH', path, { token: root, body })).status, 200)
  const role = '/v3/projects/test/users/test:alice/roles/creator'
  t.equal((await ask('PUT', role, { token: root })).status, 204)
  const answer = await login('alice', 'newer123', 'test')
  t.equal(answer.status, 201)
  t.same(
    answer.json.token.roles.map(({ name }: { readonly name: string }) => name),
    ['creator'],
  )
})

t.test('an owner changes a secret whose row was edited, and it stays private', async (t) => {
  const { node, ask, keys, tokenOf } = await startIdentityNode(t)
  const token = await tokenOf('tester', 'testing')
  const user = { name: 'reader', password: 'secret1', default_project_id: 'test' }
  await ask('POST', '/v3/users', { token, body: { user } })
  await ask('PUT', '/v3/projects/test/users/test:reader/roles/observer', { token })
  const body = { payload: 'kept', payload_content_type: 'text/plain' }
  const path = new URL((await keys('POST', '/v1/secrets', { token, body })).json.secret_ref)
    .pathname
  const key = identityKeys.secret('test', path.split('/').at(-1)!)
  await node.restart(async (catalog) => {
    const put = [await edited(catalog, key, secretRow, () => ({ metadata: { by: 'x' } }))]
    await catalog.commit({ id: randomId(), put })
  })
  const reader = await tokenOf('reader', 'secret1', 'test')
  const read = async () => (await keys('GET', `${path}/payload`, { token: reader })).status
  t.equal(await read(), 403)
  const meta = { metadata: { colour: 'red' } }
  t.equal((await keys('PUT', `${path}/metadata`, { token, body: meta })).status, 201)
  t.equal(await read(), 403, 'what the default would have opened')
  t.same((await keys('GET', `${path}/metadata`, { token })).json.metadata, meta.metadata)
  const acl = { read: { 'project-access': true } }
  t.equal((await keys('PUT', `${path}/acl`, { token, body: acl })).status, 200)
  t.equal(await read(), 200, 'an owner opens it')
})
