// fsck on rows of the identity service and of the key manager that were broken: credentials without their user, and what
// is kept without its index.
import t, { type Test } from 'tap'
import type { Commit } from '../../lib/catalog/catalog.ts'
import { seamRows } from '../../lib/catalog/check-rows.ts'
import { identityKeys } from '../../lib/catalog/identity-keys.ts'
import {
  appCredentialRow,
  ec2CredentialRow,
  secretRow,
  userRow,
} from '../../lib/catalog/identity-rows.ts'
import { rowMacs } from '../../lib/crypto/row-mac.ts'
import { randomId } from '../../lib/names.ts'
import { Rate } from '../../lib/plain-file.ts'
import { fsck, repairAll } from '../../lib/upkeep/fsck.ts'
import { edited } from '../helpers/edited-row.ts'
import { startIdentityNode } from '../helpers/identity.ts'

const USER = '/v3/users/test:alice'

async function startFilled(t: Test) {
  const { node, ask, keys, tokenOf } = await startIdentityNode(t)
  const admin = await tokenOf('tester', 'testing')
  const user = { name: 'alice', password: 'secret1' }
  await ask('POST', '/v3/users', { token: admin, body: { user } })
  const token = await tokenOf('alice', 'secret1')
  const ec2 = await ask('POST', `${USER}/credentials/OS-EC2`, { token, body: {} })
  const app = await ask('POST', `${USER}/application_credentials`, {
    token,
    body: { application_credential: { name: 'app' } },
  })
  await ask('POST', '/v3/users/test:tester/credentials/OS-EC2', { token: admin, body: {} })
  const body = { payload: 'kept', payload_content_type: 'text/plain' }
  const secret = await keys('POST', '/v1/secrets', { token: admin, body })
  await keys('POST', '/v1/secrets', { token: admin, body: {} })
  const meta = { algorithm: 'aes', bit_length: 256 }
  await keys('POST', '/v1/orders', { token: admin, body: { type: 'key', meta } })
  await keys('POST', '/v1/containers', { token: admin, body: { type: 'generic' } })
  const { catalog, macs } = node.coffer.stores
  const check = (as = macs) =>
    fsck({
      rows: seamRows(catalog),
      macs: as,
      devices: node.config.devices,
      rate: new Rate(Number.POSITIVE_INFINITY),
      records: false,
    })
  return {
    keys,
    admin,
    catalog,
    check,
    access: ec2.json.credential.access as string,
    app: app.json.application_credential.id as string,
    secret: String(secret.json.secret_ref).split('/').at(-1)!,
    break: (changes: Omit<Commit, 'id'>) => catalog.commit({ id: randomId(), ...changes }),
  }
}

t.test('what nobody broke has no problem', async (t) => {
  const { check } = await startFilled(t)
  t.same((await check()).problems, [])
})

t.test('credentials of a user that is gone, or is another by now, are removed', async (t) => {
  const site = await startFilled(t)
  const { catalog, check, access, app } = site
  await site.break({ del: [identityKeys.user('test', 'alice')] })
  const { problems } = await check()
  t.same(
    problems.map(({ rule, repair }) => [rule, repair?.what]),
    Array.from({ length: 2 }, () => ['credential', 'remove the row']),
  )
  await repairAll(catalog, problems)
  t.equal(await catalog.get(identityKeys.ec2Credential(access)), undefined)
  t.equal(await catalog.get(identityKeys.appCredential(app)), undefined)
  t.same((await check()).problems, [], 'a credential of a user of users.yaml stays')
})

t.test('what the key manager keeps, its index, its payloads and its counters agree', async (t) => {
  const site = await startFilled(t)
  const { keys, admin, catalog, check, secret } = site
  await site.break({
    del: [identityKeys.secretHome(secret)],
    put: [
      {
        key: identityKeys.secretHome('x'),
        value: (await catalog.get(identityKeys.secretHome(secret)))!.value,
      },
    ],
    add: [{ key: identityKeys.secretUsage('test'), deltas: [3, 0, 0] }],
  })
  const path = `/v1/secrets/${secret}/payload`
  t.equal((await keys('GET', path, { token: admin })).status, 404)
  const { problems } = await check()
  t.same(problems.map(({ rule }) => rule).sort(), ['counter', 'secret', 'secret'])
  t.same(await repairAll(catalog, problems), [])
  t.same((await check()).problems, [])
  t.equal((await keys('GET', path, { token: admin })).text, 'kept')
  t.equal((await keys('GET', '/v1/secrets', { token: admin })).json.total, 3)

  const payload = (await catalog.get(identityKeys.secretPayload('test', secret)))!
  await site.break({
    del: [payload.key],
    put: [{ key: identityKeys.secretPayload('test', 'y'), value: payload.value }],
  })
  const lost = (await check()).problems
  t.match(lost.map(({ what }) => what).sort(), [/secret is gone/, /payload is lost/])
  t.equal((await repairAll(catalog, lost)).length, 1, 'a payload that is lost stays lost')
  await site.break({ put: [{ key: identityKeys.user('test', 'alice'), value: Buffer.from('x') }] })
  t.ok((await check()).problems.some(({ rule }) => rule === 'row'))
})

t.test('rows that were edited are named, and credentials among them removed', async (t) => {
  const site = await startFilled(t)
  const { catalog, check, access, app, secret } = site
  const keys = {
    user: identityKeys.user('test', 'alice'),
    ec2: identityKeys.ec2Credential(access),
    app: identityKeys.appCredential(app),
    secret: identityKeys.secret('test', secret),
  }
  await site.break({
    put: [
      await edited(catalog, keys.user, userRow, () => ({ roles: ['admin'] })),
      await edited(catalog, keys.ec2, ec2CredentialRow, () => ({ user: 'tester' })),
      await edited(catalog, keys.app, appCredentialRow, () => ({ unrestricted: true })),
      await edited(catalog, keys.secret, secretRow, () => ({ creator: 'test:alice' })),
    ],
  })
  const { problems } = await check()
  t.same([...new Set(problems.map(({ rule }) => rule))], ['mac'])
  t.same(
    problems.map(({ what }) => what.split(':')[0]).sort(),
    Object.values(keys)
      .map((key) => JSON.stringify(key))
      .sort(),
  )
  const lost = rowMacs({ active: 'k', key: () => undefined }, catalog.id)
  const without = (await check(lost)).problems
  t.match(without[0]!.what, /under the root key .*, which the keyring lacks/)
  t.notOk(
    without.some(({ repair }) => repair !== undefined),
    'what a keyring lacks is not removed',
  )
  t.same(
    (await repairAll(catalog, problems)).map(({ what }) => what.split(':')[0]).sort(),
    [keys.user, keys.secret].map((key) => JSON.stringify(key)).sort(),
  )
  t.same(await catalog.getMany([keys.ec2, keys.app]), [undefined, undefined])
})
