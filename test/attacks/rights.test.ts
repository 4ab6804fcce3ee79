// The earlier content of a container, and requests that will be written: who may see it, and who may restore
// it. A container's lists open its present objects. Anything else needs a right on the account, whatever the
// request says.
import t from 'tap'
import { type SentRequest, startNode } from '../helpers/node.ts'
import { element, outcome } from '../helpers/s3.ts'
import { login } from '../helpers/swift.ts'
import { attackTable } from './table.ts'

const table = attackTable(t, 'rights')

const lists = {
  'nobody is let in': {},
  'everybody may read and list': { 'X-Container-Read': '.r:*,.rlistings' },
  'others may read': { 'X-Container-Read': 'other' },
  'others may write': { 'X-Container-Write': 'other' },
  'others may read, list and write': {
    'X-Container-Read': '.r:*,.rlistings,other',
    'X-Container-Write': 'other',
  },
}

t.test('lists of a container open nothing but its objects as they are', async (t) => {
  const node = await startNode(t)
  const owner = await login(node)
  const other = await login(node, 'other:other', 'testing2')
  const user = await login(node, 'test:tester3', 'testing3')
  await node.request('PUT', '/theirs', { access: 'other:other', secret: 'testing2' })
  const asOther: SentRequest = { access: 'other:other', secret: 'testing2' }
  const asUser: SentRequest = { access: 'test:tester3', secret: 'testing3' }
  const callers: Record<string, { s3: SentRequest; swift: SentRequest }> = {
    'somebody anonymous': { s3: { sign: false }, swift: { sign: false } },
    'another account': {
      s3: asOther,
      swift: { sign: false, headers: { 'X-Auth-Token': other.token } },
    },
    'a user of the account': {
      s3: asUser,
      swift: { sign: false, headers: { 'X-Auth-Token': user.token } },
    },
  }
  for (const [opened, headers] of Object.entries(lists)) {
    const bucket = `b-${Object.keys(lists).indexOf(opened)}`
    await owner.request('PUT', `/${bucket}`, {
      headers: { ...headers, 'X-Versions-Enabled': 'true' },
    })
    const old = await node.request('PUT', `/${bucket}/o`, { body: 'secret of old' })
    const id = String(old.headers['x-amz-version-id'])
    await node.request('PUT', `/${bucket}/o`, { body: 'now' })
    await node.request('PUT', `/${bucket}/gone`, { body: 'deleted' })
    await node.request('DELETE', `/${bucket}/gone`)
    await node.request('POST', `/${bucket}/up?uploads`)
    const swiftRoot = `/v1/AUTH_test/${bucket}`
    for (const [who, { s3, swift }] of Object.entries(callers)) {
      const copy = { 'x-amz-copy-source': `/${bucket}/o?versionId=${id}` }
      const swiftCopy = {
        'X-Copy-From': `/${bucket}/o?version-id=${id}`,
        'X-Copy-From-Account': 'AUTH_test',
      }
      const attempts: [what: string, method: string, path: string, options: SentRequest][] = [
        ['S3: lists versions', 'GET', `/${bucket}?versions`, s3],
        ['S3: reads a version', 'GET', `/${bucket}/o?versionId=${id}`, s3],
        ['S3: looks at a version', 'HEAD', `/${bucket}/o?versionId=${id}`, s3],
        ['S3: destroys a version', 'DELETE', `/${bucket}/o?versionId=${id}`, s3],
        [
          'S3: asks for a version’s attributes',
          'GET',
          `/${bucket}/o?attributes&versionId=${id}`,
          {
            ...s3,
            headers: { 'x-amz-object-attributes': 'ETag' },
          },
        ],
        [
          'S3: copies a version to where it may write',
          'PUT',
          '/theirs/o',
          { ...s3, headers: copy },
        ],
        ['Swift: lists versions', 'GET', `${swiftRoot}?versions`, swift],
        ['Swift: reads a version', 'GET', `${swiftRoot}/o?version-id=${id}`, swift],
        ['Swift: looks at a version', 'HEAD', `${swiftRoot}/o?version-id=${id}`, swift],
        ['Swift: destroys a version', 'DELETE', `${swiftRoot}/o?version-id=${id}`, swift],
        ['Swift: makes a version current', 'PUT', `${swiftRoot}/o?version-id=${id}`, swift],
        [
          'Swift: copies a version',
          'PUT',
          '/v1/AUTH_other/theirs/o',
          {
            ...swift,
            headers: { ...swift.headers, ...swiftCopy },
            body: '',
          },
        ],
        [
          'Swift: keeps versions no more',
          'POST',
          swiftRoot,
          {
            ...swift,
            headers: { ...swift.headers, 'X-Versions-Enabled': 'false' },
          },
        ],
      ]
      const mayListUploads = headers['X-Container-Read' as keyof typeof headers] !== undefined
      if (!(mayListUploads && who === 'another account' && /others may read/.test(opened))) {
        attempts.push(['S3: lists uploads', 'GET', `/${bucket}?uploads`, s3])
      }
      for (const [what, method, path, options] of attempts) {
        const answer = await node.request(method, path, options)
        table.tried(
          `${opened}; ${who} ${what}`,
          (what === 'Swift: copies a version' ? [401, 403, 404] : [401, 403]).includes(
            answer.status,
          ) &&
            !answer.text.includes(id) &&
            !answer.text.includes('secret of old'),
          outcome(answer),
        )
      }
      const now = await node.request('GET', `/${bucket}/o`)
      table.tried(`${opened}; after ${who} the object is what it was`, now.text === 'now', now.text)
    }
  }
})

t.test('whom the account’s list lets read sees all of it, and changes nothing', async (t) => {
  const node = await startNode(t)
  const owner = await login(node)
  const guest = { access: 'other:other', secret: 'testing2' }
  await owner.request('PUT', '/c', { headers: { 'X-Versions-Enabled': 'true' } })
  const old = await node.request('PUT', '/c/o', { body: 'old' })
  const id = String(old.headers['x-amz-version-id'])
  await node.request('PUT', '/c/o', { body: 'now' })
  const upload = element(await node.request('POST', '/c/up?uploads'), 'UploadId')
  const acl = JSON.stringify({ 'read-only': ['other'] })
  await owner.request('POST', '', { headers: { 'X-Account-Access-Control': acl } })
  const session = await login(node, 'other:other', 'testing2')
  const swift = (method: string, path: string) =>
    node.request(method, `/v1/AUTH_test${path}`, {
      sign: false,
      headers: { 'X-Auth-Token': session.token },
    })
  for (const path of ['/c?versions', '/c?uploads', `/c/o?versionId=${id}`]) {
    t.equal((await node.request('GET', path, guest)).status, 200, path)
  }
  t.equal((await swift('GET', '/c?versions')).status, 200)
  for (const [method, path] of [
    ['DELETE', `/c/o?versionId=${id}`],
    ['DELETE', `/c/up?uploadId=${upload}`],
    ['GET', `/c/up?uploadId=${upload}`],
    ['PUT', '/c?versioning'],
    ['POST', '/c?delete'],
    ['POST', `/c/up?uploadId=${upload}`],
  ] as const) {
    const answer = await node.request(method, path, {
      ...guest,
      ...(method === 'GET' ? {} : { body: 'x' }),
    })
    table.tried(
      `a reader of the account: ${method} ${path.replace(/=.*/, '=…')}`,
      outcome(answer) === '403 AccessDenied',
      outcome(answer),
    )
  }
  const made = await swift('PUT', `/c/o?version-id=${id}`)
  table.tried('a reader of the account makes a version current', made.status === 403, made.status)
})
