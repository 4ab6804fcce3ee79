// What everybody may do, as a table: each action, and all who may. Whoever is not named in a row may not. A rule that
// changes a decision changes this table.
import t from 'tap'
import type { Caller } from '../../../lib/auth/identity.ts'
import { isCode } from '../../../lib/errors.ts'
import { authorize, type Right } from '../../../lib/service/access.ts'
import { admin, startService, type TestService } from '../../helpers/service.ts'

/** Somebody who asks of the account `test`, whose ACL and whose containers `setUp` makes. */
interface Kind {
  readonly caller: Caller
  readonly container: string
  readonly referrer?: string
}

const user = (account: string, name: string, ...roles: string[]) => ({ account, user: name, roles })
const page = 'http://www.example.com/page'
const nobody = { caller: null }

const kinds = {
  owner: { caller: admin, container: 'private' },
  resellerAdmin: { caller: user('ops', 'root', 'reseller_admin'), container: 'private' },
  resellerReader: { caller: user('ops', 'eye', 'reseller_reader'), container: 'private' },
  accountAdmin: { caller: user('third', 'admin'), container: 'private' },
  accountWriter: { caller: user('third', 'writer'), container: 'private' },
  accountReader: { caller: user('third', 'reader'), container: 'private' },
  listReader: { caller: user('fourth', 'reader'), container: 'shared' },
  listWriter: { caller: user('fourth', 'writer'), container: 'shared' },
  nobodyOfPublic: { ...nobody, container: 'public' },
  nobodyOfListed: { ...nobody, container: 'listed' },
  userOfPublic: { caller: user('fourth', 'else'), container: 'public' },
  userOfListed: { caller: user('fourth', 'else'), container: 'listed' },
  referrerOfHosts: { ...nobody, container: 'hosts', referrer: page },
  referrerOfHostsListed: { ...nobody, container: 'hosts-listed', referrer: page },
  // The rest may nothing.
  plainUser: { caller: user('test', 'plain'), container: 'private' },
  otherAdmin: { caller: user('other', 'sue', 'admin'), container: 'private' },
  listReaderElsewhere: { caller: user('fourth', 'reader'), container: 'private' },
  otherAdminOfShared: { caller: user('other', 'sue', 'admin'), container: 'shared' },
  nobody: { ...nobody, container: 'private' },
  nobodyOfShared: { ...nobody, container: 'shared' },
  nobodyWithReferrer: { ...nobody, container: 'private', referrer: page },
  nobodyOfHosts: { ...nobody, container: 'hosts' },
  strangerOfHosts: { ...nobody, container: 'hosts-listed', referrer: 'http://example.org/' },
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

/** By what the action was asked for before it had a name. */
const rights = {
  headAccount: 'readAccount',
  listContainers: 'readAccount',
  updateAccount: 'own',
  getAccountAcl: 'own',
  createContainer: 'writeContainer',
  updateContainer: 'writeContainer',
  deleteContainer: 'writeContainer',
  headContainer: 'readContainer',
  listObjects: 'readContainer',
  listVersions: 'readVersion',
  listUploads: 'readUploads',
  getContainerAcl: 'own',
  setContainerAcl: 'own',
  getVersioning: 'own',
  setVersioning: 'own',
  getLocation: 'own',
  getContainerSettings: 'own',
  getObject: 'readObject',
  getVersion: 'readVersion',
  headObject: 'readObject',
  headVersion: 'readVersion',
  listObjectParts: 'readObject',
  listVersionParts: 'readVersion',
  copyFromObject: 'readObject',
  copyFromVersion: 'readVersion',
  copyToObject: 'writeObject',
  putObject: 'writeObject',
  updateObject: 'writeObject',
  deleteObject: 'writeObject',
  deleteObjects: 'writeObject',
  deleteVersion: 'deleteVersion',
  makeCurrent: 'writeObject',
  getObjectAcl: 'own',
  getVersionAcl: 'own',
  setObjectAcl: 'own',
  setVersionAcl: 'own',
  getObjectTags: 'own',
  getVersionTags: 'own',
  getRetention: 'own',
  getLegalHold: 'own',
  createUpload: 'writeObject',
  putPart: 'writeObject',
  completeUpload: 'writeObject',
  abortUpload: 'writeObject',
  listParts: 'writeObject',
} as const satisfies Record<string, Right>
type Action = keyof typeof rights

const table: Record<Action, readonly KindName[]> = {
  headAccount: readers,
  listContainers: readers,
  updateAccount: owners,
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

/** Those of all kinds who may; `container` in place of the one that they ask for. */
async function allowed(test: TestService, action: Action, container?: string): Promise<string[]> {
  const granted: string[] = []
  for (const [name, kind] of Object.entries<Kind>(kinds)) {
    const ref = { account: 'test', container: container ?? kind.container }
    try {
      await authorize(test.stores, kind.caller, ref, rights[action], kind.referrer)
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
    t.same(await allowed(test, action, 'missing'), expected, action)
  }
})
