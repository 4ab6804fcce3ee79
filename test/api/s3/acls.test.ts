// ACLs over HTTP. Every bucket reports BucketOwnerEnforced, and so does what AWS does with ACLs under it.
import t from 'tap'
import { type Answer, startNode } from '../../helpers/node.ts'
import { createUpload, element, outcome } from '../../helpers/s3.ts'

const refused = '400 AccessControlListNotSupported'
const other = { access: 'other:other', secret: 'testing2' }
const everybody = 'http://acs.amazonaws.com/groups/global/AllUsers'

async function startBucket(t: Parameters<typeof startNode>[0]) {
  const node = await startNode(t)
  await node.request('PUT', '/bucket')
  await node.request('PUT', '/bucket/s', { body: 'source' })
  return node
}

/** The document that `GET ?acl` gave, as a client sends it back. */
const policy = (shown: Answer, more = '') =>
  shown.text.replace('</AccessControlList>', `${more}</AccessControlList>`)

const grant = (who: string, permission: string) =>
  `<Grant><Grantee>${who}</Grantee><Permission>${permission}</Permission></Grant>`

t.test('what is open to others cannot be written, and what is the owner’s can', async (t) => {
  const node = await startBucket(t)
  const id = await createUpload(node, '/bucket/u')
  t.ok(id)
  const writes = {
    PutObject: (headers: Record<string, string>) =>
      node.request('PUT', '/bucket/k', { headers, body: 'x' }),
    CopyObject: (headers: Record<string, string>) =>
      node.request('PUT', '/bucket/k', {
        headers: { 'x-amz-copy-source': '/bucket/s', ...headers },
      }),
    CreateMultipartUpload: (headers: Record<string, string>) =>
      node.request('POST', '/bucket/k?uploads', { headers }),
    PutBucketAcl: (headers: Record<string, string>) =>
      node.request('PUT', '/bucket?acl', { headers }),
    PutObjectAcl: (headers: Record<string, string>) =>
      node.request('PUT', '/bucket/s?acl', { headers }),
  }
  for (const [name, write] of Object.entries(writes)) {
    for (const acl of ['public-read', 'public-read-write', 'authenticated-read', 'aws-exec-read']) {
      const answer = await write({ 'x-amz-acl': acl })
      t.equal(outcome(answer), refused, `${name} ${acl}`)
      t.equal(element(answer, 'Message'), 'The bucket does not allow ACLs')
    }
    t.equal(outcome(await write({ 'x-amz-grant-read': `uri="${everybody}"` })), refused, name)
    t.equal(outcome(await write({ 'x-amz-acl': 'fake-acl' })), '400 InvalidArgument', name)
    const both = { 'x-amz-acl': 'private', 'x-amz-grant-read': 'id=x' }
    t.equal(outcome(await write(both)), '400 InvalidRequest', name)
  }
  t.equal((await node.request('GET', '/bucket/k')).status, 404, 'nothing was written')
  for (const [name, write] of Object.entries(writes)) {
    for (const acl of ['private', 'bucket-owner-full-control']) {
      t.equal(outcome(await write({ 'x-amz-acl': acl })), '200', `${name} ${acl}`)
    }
  }
})

t.test('a bucket is not created open to others', async (t) => {
  const node = await startBucket(t)
  const create = (headers: Record<string, string>) => node.request('PUT', '/new', { headers })
  const open = '400 InvalidBucketAclWithObjectOwnership'
  t.equal(outcome(await create({ 'x-amz-acl': 'public-read' })), open)
  t.equal(outcome(await create({ 'x-amz-grant-write': 'id=x' })), open)
  t.equal((await node.request('HEAD', '/new')).status, 404)
  t.equal(outcome(await create({ 'x-amz-acl': 'private' })), '200')
})

t.test('the document that a bucket or an object shows can be sent back', async (t) => {
  const node = await startBucket(t)
  for (const path of ['/bucket?acl', '/bucket/s?acl']) {
    const shown = await node.request('GET', path)
    const put = async (body: string, headers = {}) =>
      outcome(await node.request('PUT', path, { body, headers }))
    t.equal(await put(policy(shown)), '200', path)
    const all = grant(`<URI>${everybody}</URI>`, 'READ')
    t.equal(await put(policy(shown, all)), refused, `${path} and everybody`)
    const mail = grant('<EmailAddress>a@b.example</EmailAddress>', 'FULL_CONTROL')
    t.equal(await put(policy(shown, mail)), refused)
    t.equal(await put(shown.text.replace('FULL_CONTROL', 'READ')), refused, 'less than all')
    t.equal(await put('<AccessControlPolicy>'), '400 MalformedACLError', path)
    t.equal(await put('<Other/>'), '400 MalformedACLError', path)
    t.equal(await put('<AccessControlPolicy/>'), '400 MalformedACLError', path)
    t.equal(await put(policy(shown, '<Grant/>')), '400 MalformedACLError', path)
    t.equal(await put(policy(shown), { 'x-amz-acl': 'private' }), '400 UnexpectedContent', path)
    const nothing = await node.request('PUT', path)
    t.equal(outcome(nothing), '400 MissingSecurityHeader', path)
    t.equal(element(nothing, 'MissingHeaderName'), 'x-amz-acl')
  }
})

t.test('only the owner sets an ACL, of what is there', async (t) => {
  const node = await startBucket(t)
  const headers = { 'x-amz-acl': 'private' }
  for (const path of ['/bucket?acl', '/bucket/s?acl']) {
    t.equal(outcome(await node.request('PUT', path, { headers, ...other })), '403 AccessDenied')
    const anonymous = await node.request('PUT', path, { headers, sign: false })
    t.equal(outcome(anonymous), '403 AccessDenied')
  }
  t.equal(outcome(await node.request('PUT', '/none?acl', { headers })), '404 NoSuchBucket')
  t.equal(outcome(await node.request('PUT', '/bucket/none?acl', { headers })), '404 NoSuchKey')
  await node.request('PUT', '/bucket?versioning', {
    body: '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>',
  })
  const gone = await node.request('DELETE', '/bucket/s')
  const marker = gone.headers['x-amz-version-id']
  const ofMarker = await node.request('PUT', `/bucket/s?acl&versionId=${marker}`, { headers })
  t.equal(outcome(ofMarker), '405 MethodNotAllowed')
  const old = await node.request('PUT', '/bucket/s?acl&versionId=null', { headers })
  t.equal(outcome(old), '200')
  t.equal(old.headers['x-amz-version-id'], 'null')
})
