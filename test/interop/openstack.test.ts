// `openstack` of Debian against a coffer by itself: tokens, credentials, administration, and secrets.
import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { clientTest, openstackClients, program, swiftClients } from '../helpers/clients.ts'
import { administrators, listenWithIdentity } from '../helpers/identity.ts'
import { fieldsOf, openstackEnv, openstackProgram, rowsOf } from './openstack.ts'
import { startSetting } from './setting.ts'
import { runWarm } from './warm.ts'

const listen = { listen: listenWithIdentity as never }
const tester = ['tester', 'testing', 'test'] as const

clientTest(
  t,
  openstackClients.openstack,
  'openstack finds its way by the catalog, and makes credentials that sign requests of S3',
  async (t) => {
    const setting = await startSetting(t, listen)
    const openstack = openstackProgram(setting, tester)
    const token = await fieldsOf(openstack, ['token', 'issue'])
    t.match(token, { project_id: 'test', user_id: 'test:tester', id: /^AUTH_tk/ })
    const services = await rowsOf(openstack, ['catalog', 'list'])
    t.same(services.map((each) => each.Type).sort(), [
      'identity',
      'key-manager',
      'object-store',
      's3',
    ])
    t.match(await fieldsOf(openstack, ['project', 'show', 'test']), { id: 'test', name: 'test' })
    t.match(await rowsOf(openstack, ['project', 'list']), [{ ID: 'test', Name: 'test' }])
    t.match(await fieldsOf(openstack, ['user', 'show', 'tester']), { id: 'test:tester' })
    const roles = await rowsOf(openstack, ['role', 'assignment', 'list', '--names'])
    t.match(roles[0], { Role: 'admin', User: 'tester@Default', Project: 'test@Default' })
    await openstack.ok(['container', 'create', 'made'])
    t.match(await rowsOf(openstack, ['container', 'list']), [{ Name: 'made' }])

    const made = await fieldsOf(openstack, ['ec2', 'credentials', 'create'])
    t.match(made, { access: /^\w{32}$/, secret: /^\w{32}$/, project_id: 'test' })
    const { access, secret } = made
    const { ca, node } = setting
    const signed = { access: access!, secret: secret! }
    t.match((await node.request('GET', '/', signed)).text, '<Name>made</Name>')
    t.match(await rowsOf(openstack, ['ec2', 'credentials', 'list']), [{ Access: access }])
    t.match(await fieldsOf(openstack, ['ec2', 'credentials', 'show', access!]), { secret })
    await openstack.ok(['ec2', 'credentials', 'delete', access!])
    t.equal((await node.request('GET', '/', signed)).status, 403)

    const app = await fieldsOf(openstack, ['application', 'credential', 'create', 'app'])
    t.match(await rowsOf(openstack, ['application', 'credential', 'list']), [{ Name: 'app' }])
    const appOptions = {
      env: {
        OS_AUTH_TYPE: 'v3applicationcredential',
        OS_AUTH_URL: `${node.addressesOf('identity')[0]}/v3`,
        OS_APPLICATION_CREDENTIAL_ID: app.id!,
        OS_APPLICATION_CREDENTIAL_SECRET: app.secret!,
        OS_CACERT: ca,
      },
      cwd: setting.path('.'),
    }
    const withApp = program(openstackClients.openstack, [], appOptions, runWarm)
    t.match(await rowsOf(withApp, ['container', 'list']), [{ Name: 'made' }])
    t.match(await withApp.fail(['ec2', 'credentials', 'create']), '403')
    await openstack.ok(['application', 'credential', 'delete', 'app'])
    await withApp.fail(['token', 'issue'])
  },
)

clientTest(
  t,
  openstackClients.openstack,
  'openstack makes a project and a user, who then works there',
  async (t) => {
    const setting = await startSetting(t, listen)
    setting.node.replaceUsers(administrators)
    const root = openstackProgram(setting, ['root', 'root-pass', 'ops'])
    await root.ok(['project', 'create', 'p1', '--description', 'first'])
    await root.ok(['user', 'create', '--project', 'p1', '--password', 'one', 'alice'])
    const alice = openstackProgram(setting, ['alice', 'one', 'p1'])
    t.match(await alice.fail(['container', 'create', 'c']), '403')
    await root.ok(['role', 'add', '--project', 'p1', '--user', 'alice', 'member'])
    await alice.ok(['container', 'create', 'c'])
    t.match(await rowsOf(root, ['role', 'assignment', 'list', '--user', 'alice', '--names']), [
      { Role: 'member', User: 'alice@Default', Project: 'p1@Default' },
    ])
    await root.ok(['user', 'set', '--password', 'two', 'alice'])
    await alice.fail(['token', 'issue'])
    await openstackProgram(setting, ['alice', 'two', 'p1']).ok(['token', 'issue'])
    await root.ok(['role', 'remove', '--project', 'p1', '--user', 'alice', 'member'])
    await root.ok(['user', 'delete', 'alice'])
    await root.ok(['project', 'delete', 'p1'])
    t.notMatch(await root.text(['project', 'list', '-f', 'value']), 'p1')
  },
)

clientTest(
  t,
  [openstackClients.openstack, openstackClients.barbican],
  'openstack keeps a key as a secret and reads it back',
  async (t) => {
    const setting = await startSetting(t, listen)
    const openstack = openstackProgram(setting, tester)
    const key = 'ThisIsMyVerySecretKeyOf32Letters'
    const stored = await fieldsOf(openstack, ['secret', 'store', '--name', 'k', '--payload', key])
    const ref = stored['Secret href']!
    t.match(ref, /\/v1\/secrets\//)
    t.equal(await openstack.text(['secret', 'get', ref, '-p', '-f', 'value']), `${key}\n`)
    t.match(await fieldsOf(openstack, ['secret', 'get', ref]), { Name: 'k', Status: 'ACTIVE' })
    t.match(await rowsOf(openstack, ['secret', 'list', '--name', 'k']), [{ 'Secret href': ref }])
    const file = setting.path('key.bin')
    const args = ['secret', 'get', ref, '-t', 'application/octet-stream', '--file', file]
    await openstack.ok(args)
    t.equal(readFileSync(file, 'latin1'), key)
    const raw = setting.path('raw.bin')
    writeFileSync(raw, setting.key.bytes)
    const binary = await fieldsOf(openstack, ['secret', 'store', '--file', raw])
    t.match(await openstack.fail(['secret', 'get', binary['Secret href']!, '-p']), 'Not Acceptable')
    const text = ['--payload', 'text', '-t', 'text/plain']
    const plain = (await fieldsOf(openstack, ['secret', 'store', ...text]))['Secret href']!
    t.equal(await openstack.text(['secret', 'get', plain, '-p', '-f', 'value']), 'text\n')
    await openstack.ok(['secret', 'delete', plain])
    await openstack.fail(['secret', 'get', plain])
    const later = (await fieldsOf(openstack, ['secret', 'store', '--name', 'later']))[
      'Secret href'
    ]!
    await openstack.ok(['secret', 'update', later, 'the payload'])

    const ordered = await fieldsOf(openstack, ['secret', 'order', 'create', 'key', '--name', 'o'])
    const order = await fieldsOf(openstack, ['secret', 'order', 'get', ordered['Order href']!])
    t.match(order, { Status: 'ACTIVE', 'Secret href': /\/v1\/secrets\// })
    const group = await fieldsOf(openstack, [
      ...['secret', 'container', 'create', '--name', 'g', '--secret', `one=${ref}`],
    ])
    const container = group['Container href']!
    t.match(await openstack.text(['secret', 'container', 'get', container]), ref)
    await openstack.ok(['acl', 'user', 'add', '-u', 'other:other', ref])
    t.match(await openstack.text(['acl', 'get', ref]), 'other:other')
    const other = openstackProgram(setting, ['other', 'testing2', 'other'])
    t.equal(await other.text(['secret', 'get', ref, '-p', '-f', 'value']), `${key}\n`)
    await openstack.ok(['acl', 'delete', ref])
    t.match(await other.fail(['secret', 'get', ref, '-p']), 'Forbidden')
    const barbican = openstackProgram(setting, tester, 'barbican')
    t.match(await barbican.text(['secret', 'list', '-f', 'value']), ref)
  },
)

clientTest(
  t,
  [swiftClients.swift],
  'swift logs in with the bare flags of the guides, which speak version 2, and with version 3',
  async (t) => {
    const setting = await startSetting(t, listen)
    const { OS_AUTH_URL, OS_CACERT, ...names } = openstackEnv(setting, tester)
    const swift = program(swiftClients.swift, ['--retries', '0', '--os-cacert', OS_CACERT], {
      cwd: setting.path('.'),
    })
    const flags = [
      ...['--os-auth-url', OS_AUTH_URL, '--os-username', names.OS_USERNAME],
      ...['--os-password', names.OS_PASSWORD, '--os-project-name', names.OS_PROJECT_NAME],
    ]
    setting.file('file', 1000)
    await swift.ok([...flags, 'upload', 'c', 'file'])
    const unversioned = OS_AUTH_URL.replace('/v3', '')
    const [, , ...rest] = flags
    t.equal(
      await swift.text(['--os-auth-url', `${unversioned}/v2.0`, ...rest, 'list', 'c']),
      'file\n',
    )
    t.equal(await swift.text([...flags, '--auth-version', '3', 'list', 'c']), 'file\n')
    const domains = ['--os-user-domain-name', 'Default', '--os-project-domain-name', 'Default']
    t.equal(await swift.text([...flags, ...domains, 'list']), 'c\n')
    await swift.fail([...flags, '--os-password', 'wrong', 'list'])
  },
)
