// What everybody may do, as a table: each action, and all who may. Whoever is not named in a row may not. A rule that
// changes a decision changes this table.
import t from 'tap'
import type { Asker } from '../../../lib/auth/asker.ts'
import { isCode } from '../../../lib/errors.ts'
import { authorize, type Resource } from '../../../lib/service/access.ts'
import type { Action } from '../../../lib/service/actions.ts'
import { askerOf, nobody } from '../../helpers/asker.ts'
import { admin, startService, type TestService } from '../../helpers/service.ts'

/** Somebody who asks of the account `test`, whose ACL and whose containers `setUp` makes. */
interface Kind {
  readonly asker: Asker
  readonly container: string
}

const user = (account: string, name: string, ...roles: string[]) =>
  askerOf({ account, user: name, roles })
const ofExample = askerOf(null, { referrer: 'http://www.example.com/page' })
const ofElsewhere = askerOf(null, { referrer: 'http://example.org/' })

const kinds = {
  owner: { asker: admin, container: 'private' },
  resellerAdmin: { asker: user('ops', 'root', 'reseller_admin'), container: 'private' },
  resellerReader: { asker: user('ops', 'eye', 'reseller_reader'), container: 'private' },
  accountAdmin: { asker: user('third', 'admin'), container: 'private' },
  accountWriter: { asker: user('third', 'writer'), container: 'private' },
  accountReader: { asker: user('third', 'reader'), container: 'private' },
  listReader: { asker: user('fourth', 'reader'), container: 'shared' },
  listWriter: { asker: user('fourth', 'writer'), container: 'shared' },
  nobodyOfPublic: { asker: nobody, container: 'public' },
  nobodyOfListed: { asker: nobody, container: 'listed' },
  userOfPublic: { asker: user('fourth', 'else'), container: 'public' },
  userOfListed: { asker: user('fourth', 'else'), container: 'listed' },
  referrerOfHosts: { asker: ofExample, container: 'hosts' },
  referrerOfHostsListed: { asker: ofExample, container: 'hosts-listed' },
  // The rest may nothing.
  plainUser: { asker: user('test', 'plain'), container: 'private' },
  otherAdmin: { asker: user('other', 'sue', 'admin'), container: 'private' },
  listReaderElsewhere: { asker: user('fourth', 'reader'), container: 'private' },
  otherAdminOfShared: { asker: user('other', 'sue', 'admin'), container: 'shared' },
  nobody: { asker: nobody, container: 'private' },
  nobodyOfShared: { asker: nobody, container: 'shared' },
  nobodyWithReferrer: { asker: ofExample, container: 'private' },
  nobodyOfHosts: { asker: nobody, container: 'hosts' },
  strangerOfHosts: { asker: ofElsewhere, container: 'hosts-listed' },
} satisfies Record<string, Kind>
type KindName = keyof typeof kinds

const owners: KindName[] = ['owner', 'resellerAdmin', 'accountAdmin']
const writers: KindName[] = [...owners, 'accountWriter']
const readers: KindName[] = [...writers, 'resellerReader', 'accountReader']
const listWriters: KindName[] = [...writers, 'listWriter']
const listReaders: KindName[] = [...readers, 'listReader']
const listers: KindName[] = [
  ...listReaders,
  'nobodyOfListed',
  'userOfListed',
  'referrerOfHostsListed',
]
const objectReaders: KindName[] = [...listers, 'nobodyOfPublic', 'userOfPublic', 'referrerOfHosts']

const table: Record<Action, readonly KindName[]> = {
  headAccount: readers,
  listContainers: readers,
  updateAccount: owners,
  // What Swift's PUT and DELETE of an account asked of the caller's roles.
  manageAccount: ['resellerAdmin'],
  getAccountAcl: owners,
  createContainer: writers,
  updateContainer: writers,
  deleteContainer: writers,
  headContainer: listers,
  listObjects: listers,
  listVersions: readers,
  listUploads: listReaders,
  getContainerAcl: owners,
  setContainerAcl: owners,
  getVersioning: owners,
  setVersioning: owners,
  getLocation: owners,
  getContainerSettings: owners,
  getObject: objectReaders,
  getVersion: readers,
  headObject: objectReaders,
  headVersion: readers,
  listObjectParts: objectReaders,
  listVersionParts: readers,
  copyFromObject: objectReaders,
  copyFromVersion: readers,
  copyToObject: listWriters,
  putObject: listWriters,
  updateObject: listWriters,
  deleteObject: listWriters,
  deleteObjects: listWriters,
  deleteVersion: writers,
  makeCurrent: listWriters,
  getObjectAcl: owners,
  getVersionAcl: owners,
  setObjectAcl: owners,
  setVersionAcl: owners,
  getObjectTags: owners,
  getVersionTags: owners,
  getRetention: owners,
  getLegalHold: owners,
  createUpload: listWriters,
  putPart: listWriters,
  completeUpload: listWriters,
  abortUpload: listWriters,
  listParts: listWriters,
}
const actions = Object.keys(table) as Action[]

async function setUp({ service }: TestService): Promise<void> {
  await service.updateAccount(admin, 'test', {
    acl: { admin: ['third:admin'], readWrite: ['third:writer'], readOnly: ['third:reader'] },
  })
  const lists = {
    private: {},
    shared: { read: 'fourth:reader', write: 'fourth:writer' },
    public: { read: '.r:*' },
    listed: { read: '.r:*,.rlistings' },
    hosts: { read: '.r:www.example.com' },
    'hosts-listed': { read: '.r:www.example.com,.rlistings' },
  }
  for (const [container, acl] of Object.entries(lists)) {
    await service.putContainer(admin, { account: 'test', container }, { acl })
  }
}

/** Those of all kinds who may; `instead` in place of what they ask for. */
async function allowed(
  test: TestService,
  action: Action,
  instead: Partial<Resource> = {},
): Promise<string[]> {
  const granted: string[] = []
  for (const [name, kind] of Object.entries<Kind>(kinds)) {
    const ref = { account: 'test', container: kind.container, ...instead }
    try {
      await authorize(test.stores, kind.asker, action, ref)
      granted.push(name)
    } catch (error) {
      if (!isCode(error, 'AccessDenied')) throw error
    }
  }
  return granted.sort()
}

t.test(
  'an action is done for those whom its row of the table names, and for nobody else',
  async (t) => {
    const test = await startService(t)
    await setUp(test)
    for (const action of actions) {
      t.same(await allowed(test, action), [...table[action]].sort(), action)
    }
  },
)

t.test('a container that is not there opens to those who have the account alone', async (t) => {
  const test = await startService(t)
  await setUp(test)
  const known = new Set<string>(readers)
  for (const action of actions) {
    const expected = table[action].filter((name) => known.has(name)).sort()
    t.same(await allowed(test, action, { container: 'missing' }), expected, action)
  }
})

t.test('where a version is named by its id, the action on that version is decided', async (t) => {
  const test = await startService(t)
  await setUp(test)
  const versions: Partial<Record<Action, Action>> = {
    getObject: 'getVersion',
    headObject: 'headVersion',
    listObjectParts: 'listVersionParts',
    copyFromObject: 'copyFromVersion',
    deleteObject: 'deleteVersion',
    getObjectAcl: 'getVersionAcl',
    setObjectAcl: 'setVersionAcl',
    getObjectTags: 'getVersionTags',
  }
  for (const action of actions) {
    const meant = versions[action] ?? action
    const named = { object: 'o', versionId: 'null' }
    t.same(await allowed(test, action, named), [...table[meant]].sort(), action)
    const unnamed = { object: 'o', versionId: undefined }
    t.same(await allowed(test, action, unnamed), [...table[action]].sort(), `${action} of none`)
  }
})
