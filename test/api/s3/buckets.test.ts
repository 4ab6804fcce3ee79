// Buckets over HTTP.
import t from 'tap'
import { askerOf } from '../../helpers/asker.ts'
import { startNode } from '../../helpers/node.ts'
import { element, elements, outcome } from '../../helpers/s3.ts'

const other = { access: 'other:other', secret: 'testing2' }
const nobody = { access: 'test:tester3', secret: 'testing3' }
const configuration = (location: string) =>
  `<CreateBucketConfiguration><LocationConstraint>${location}</LocationConstraint></CreateBucketConfiguration>`

t.test('a bucket is created, found, listed and deleted', async (t) => {
  const node = await startNode(t)
  const created = await node.request('PUT', '/bucket')
  t.match(created, { status: 200, headers: { location: '/bucket', 'content-length': '0' } })
  const head = await node.request('HEAD', '/bucket')
  t.match(head, { status: 200, headers: { 'x-amz-bucket-region': 'us-east-1' } })
  const list = await node.request('GET', '/')
  t.same(elements(list, 'Name'), ['bucket'])
  t.equal(element(list, 'ID'), 'test')
  t.match(element(list, 'CreationDate'), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  const location = await node.request('GET', '/bucket?location')
  t.equal(element(location, 'LocationConstraint'), '')
  t.equal((await node.request('DELETE', '/bucket')).status, 204)
  t.equal(outcome(await node.request('DELETE', '/bucket')), '404 NoSuchBucket')
  t.match(await node.request('HEAD', '/bucket'), { status: 404, text: '' })
})

t.test('a name belongs to the first that takes it', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bucket')
  t.equal((await node.request('PUT', '/bucket')).status, 200, 'again by the owner')
  t.equal(outcome(await node.request('PUT', '/bucket', other)), '409 BucketAlreadyExists')
  t.equal(outcome(await node.request('GET', '/bucket', other)), '403 AccessDenied')
  t.equal((await node.request('HEAD', '/bucket', other)).status, 403)
  t.equal(outcome(await node.request('GET', '/bucket', nobody)), '403 AccessDenied')
  t.equal(outcome(await node.request('GET', '/bucket', { sign: false })), '403 AccessDenied')
  t.equal(outcome(await node.request('DELETE', '/bucket', other)), '403 AccessDenied')
  t.equal(outcome(await node.request('GET', '/', { sign: false })), '403 AccessDenied')
  t.equal(outcome(await node.request('PUT', '/anew', { sign: false })), '403 AccessDenied')
})

t.test('a bucket cannot be created in another region', async (t) => {
  const node = await startNode(t, { region: 'us-east-1' })
  await node.request('PUT', '/bucket')
  const body = configuration('eu-west-1')
  const elsewhere = await node.request('PUT', '/second', { body })
  t.equal(outcome(elsewhere), '400 IllegalLocationConstraintException')
  const oldest = await node.request('PUT', '/second', { body: configuration('us-east-1') })
  t.equal(outcome(oldest), '400 InvalidLocationConstraint', 'its oldest region has no name on AWS')
  const unknown = await node.request('PUT', '/second', { body: configuration('bar') })
  t.equal(outcome(unknown), '400 InvalidLocationConstraint')
  const broken = await node.request('PUT', '/second', { body: '<CreateBucketConfiguration>' })
  t.equal(outcome(broken), '400 MalformedXML')
  const large = await node.request('PUT', '/second', { body: ' '.repeat(70_000) })
  t.equal(outcome(large), '400 MaxMessageLengthExceeded')
})

t.test('a node elsewhere than in us-east-1 takes its own region, and no other', async (t) => {
  const { request } = await startNode(t, { region: 'eu-west-1' })
  const create = async (name: string, location: string) =>
    outcome(
      await request('PUT', `/${name}`, { body: configuration(location), region: 'eu-west-1' }),
    )
  t.equal(await create('first', 'eu-west-1'), '200')
  t.equal(await create('first', 'eu-west-1'), '409 BucketAlreadyOwnedByYou', 'again')
  t.equal(await create('second', ''), '200')
  for (const location of ['us-east-1', 'us-west-2', 'EU', 'bar', 'aws-global']) {
    t.equal(await create('third', location), '400 IllegalLocationConstraintException', location)
  }
})

t.test('a bucket cannot be called anything', async (t) => {
  const node = await startNode(t)
  for (const name of [
    'ab',
    'A-bucket',
    'a_b',
    '192.168.0.1',
    'a..b',
    'a.-b',
    '-ab',
    'x'.repeat(64),
  ]) {
    t.equal(outcome(await node.request('PUT', `/${name}`)), '400 InvalidBucketName', name)
    t.equal(outcome(await node.request('GET', `/${name}`)), '400 InvalidBucketName', name)
  }
  t.equal((await node.request('PUT', '/abc')).status, 200)
})

t.test('a container that Swift named is served, whatever its name', async (t) => {
  const node = await startNode(t)
  const caller = askerOf({ account: 'test', user: 'tester', roles: ['admin'] })
  const ref = { account: 'test', container: 'My_Container' }
  await node.coffer.service.createContainer(caller, ref, { indexed: false })
  t.same(elements(await node.request('GET', '/'), 'Name'), ['My_Container'])
  t.equal((await node.request('PUT', '/My_Container/k', { body: 'x' })).status, 200)
  t.equal((await node.request('GET', '/My_Container/k')).text, 'x')
  t.equal((await node.request('PUT', '/My_Container')).status, 200, 'it is there already')
})

t.test('a bucket with objects stays, one with unfinished uploads goes', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bucket')
  await node.request('PUT', '/bucket/k', { body: 'x' })
  t.equal(outcome(await node.request('DELETE', '/bucket')), '409 BucketNotEmpty')
  await node.request('DELETE', '/bucket/k')
  await node.request('POST', '/bucket/k?uploads')
  t.equal((await node.request('DELETE', '/bucket')).status, 204)
})

t.test('buckets are listed page by page', async (t) => {
  const node = await startNode(t)
  const names = ['aa-1', 'aa-2', 'aa-3', 'bb-1']
  for (const name of names) await node.request('PUT', `/${name}`)
  const found: string[] = []
  let token: string | undefined = ''
  while (token !== undefined) {
    const query = `max-buckets=2&continuation-token=${encodeURIComponent(token)}`
    const page = await node.request('GET', `/?${query}`)
    found.push(...elements(page, 'Name'))
    t.equal(element(page, 'BucketRegion'), 'us-east-1')
    token = element(page, 'ContinuationToken')
  }
  t.same(found, names)
  const prefixed = await node.request('GET', '/?prefix=bb')
  t.same(elements(prefixed, 'Name'), ['bb-1'])
  for (const query of [
    'max-buckets=0',
    'max-buckets=10001',
    'bucket-region=eu-east-1',
    'continuation-token=x',
  ]) {
    t.equal(outcome(await node.request('GET', `/?${query}`)), '400 InvalidArgument', query)
  }
})

t.test('whoever expects another owner is refused', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bucket')
  const expecting = async (owner: string) =>
    outcome(
      await node.request('GET', '/bucket', { headers: { 'x-amz-expected-bucket-owner': owner } }),
    )
  t.equal(await expecting('test'), '200')
  t.equal(await expecting('other'), '403 AccessDenied')
  t.equal(await expecting('000000000002'), '403 AccessDenied')
  for (const malformed of ['0000', '0000000000020', 'aa000000000$']) {
    t.equal(await expecting(malformed), '400 InvalidBucketOwnerAWSAccountID', malformed)
  }
})

t.test('subresources that were never set answer as on AWS', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bucket')
  await node.request('PUT', '/bucket/k', { body: 'x' })
  const missing: Readonly<Record<string, string>> = {
    cors: 'NoSuchCORSConfiguration',
    lifecycle: 'NoSuchLifecycleConfiguration',
    'object-lock': 'ObjectLockConfigurationNotFoundError',
    policy: 'NoSuchBucketPolicy',
    policyStatus: 'NoSuchBucketPolicy',
    publicAccessBlock: 'NoSuchPublicAccessBlockConfiguration',
    replication: 'ReplicationConfigurationNotFoundError',
    tagging: 'NoSuchTagSet',
    website: 'NoSuchWebsiteConfiguration',
    'inventory&id=x': 'NoSuchConfiguration',
  }
  for (const [name, code] of Object.entries(missing)) {
    t.equal(outcome(await node.request('GET', `/bucket?${name}`)), `404 ${code}`)
  }
  const present: Readonly<Record<string, RegExp>> = {
    '/bucket?acl': /<ID>test<\/ID>.*<Permission>FULL_CONTROL<\/Permission>/,
    '/bucket?accelerate': /<AccelerateConfiguration [^>]*><\/AccelerateConfiguration>/,
    '/bucket?encryption': /<SSEAlgorithm>AES256<\/SSEAlgorithm>/,
    '/bucket?inventory': /<IsTruncated>false<\/IsTruncated>/,
    '/bucket?logging': /<BucketLoggingStatus /,
    '/bucket?ownershipControls': /<ObjectOwnership>BucketOwnerEnforced<\/ObjectOwnership>/,
    '/bucket?notification': /<NotificationConfiguration /,
    '/bucket?requestPayment': /<Payer>BucketOwner<\/Payer>/,
    '/bucket?versioning': /<VersioningConfiguration [^>]*><\/VersioningConfiguration>/,
    '/bucket/k?acl': /<Permission>FULL_CONTROL<\/Permission>/,
    '/bucket/k?tagging': /<TagSet><\/TagSet>/,
  }
  for (const [path, pattern] of Object.entries(present)) {
    const answer = await node.request('GET', path)
    t.equal(answer.status, 200, path)
    t.match(answer.text, pattern, path)
  }
  t.equal(outcome(await node.request('GET', '/bucket/k?retention')), '400 InvalidRequest')
  t.equal(outcome(await node.request('GET', '/bucket/k?legal-hold')), '400 InvalidRequest')
  t.equal(outcome(await node.request('GET', '/bucket/k?torrent')), '404 NoSuchKey')
  t.equal(outcome(await node.request('GET', '/bucket/none?acl')), '404 NoSuchKey')
  t.equal(outcome(await node.request('GET', '/none?policy')), '404 NoSuchBucket')
  t.equal(outcome(await node.request('GET', '/bucket?policy', other)), '403 AccessDenied')
})

t.test('what is not built is refused by name and changes nothing', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bucket')
  for (const line of [
    'PUT /bucket?policy',
    'DELETE /bucket?cors',
    'POST /bucket/k?restore',
    'PUT /bucket/k?renameObject',
  ]) {
    const [method = '', path = ''] = line.split(' ')
    t.equal(outcome(await node.request(method, path, { body: '<x/>' })), '501 NotImplemented', line)
    t.equal(outcome(await node.request(method, path, { sign: false })), '403 AccessDenied', line)
  }
  t.equal((await node.request('HEAD', '/bucket')).status, 200)
  const patched = await node.request('PATCH', '/bucket')
  t.equal(outcome(patched), '405 MethodNotAllowed')
  t.equal(patched.headers.allow, 'GET, HEAD, PUT, DELETE, POST')
})

t.test('browsers are told that nothing is open to them', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bucket')
  const ask = async (path: string, headers: Record<string, string>) =>
    await node.request('OPTIONS', path, { sign: false, headers })
  const origin = { origin: 'http://example.org' }
  const method = { 'access-control-request-method': 'PUT' }
  t.equal(outcome(await ask('/bucket', {})), '400 BadRequest')
  t.equal(outcome(await ask('/bucket', origin)), '400 BadRequest')
  const known = await ask('/bucket/k', { ...origin, ...method })
  t.equal(outcome(known), '403 AccessForbidden')
  t.equal(element(known, 'ResourceType'), 'OBJECT')
  t.equal(element(known, 'Message'), 'CORSResponse: CORS is not enabled for this bucket.')
  const unknown = await ask('/none', { ...origin, ...method })
  t.equal(element(unknown, 'Message'), 'CORSResponse: Bucket not found')
  const form = {
    sign: false,
    headers: { 'content-type': 'multipart/form-data; boundary=x' },
    body: '--x--',
  }
  t.equal(outcome(await node.request('POST', '/bucket', form)), '501 NotImplemented')
  const noForm = await node.request('POST', '/bucket', { sign: false, body: 'x' })
  t.equal(outcome(noForm), '412 PreconditionFailed')
})

t.test('virtual hosts name the bucket', async (t) => {
  const node = await startNode(t, { domains: ['s3.test'] })
  const host = 'bucket.s3.test'
  t.equal((await node.request('PUT', '/', { host })).status, 200)
  t.equal((await node.request('PUT', '/a/b', { host, body: 'x' })).status, 200)
  t.equal((await node.request('GET', '/bucket/a/b')).text, 'x')
  t.equal((await node.request('GET', '/a/b', { host })).text, 'x')
})
