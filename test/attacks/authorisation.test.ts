// Every operation of both dialects, tried by three strangers on what belongs to another account. Each attempt
// is refused, changes nothing, and reveals nothing that the dialect keeps secret. The rows come from the tables
// of operations: an operation without an attempt here does not compile.
import t, { type Test } from 'tap'
import { detect as detectS3 } from '../../middleware/s3/detect.ts'
import {
  type OperationName as S3Name,
  operationNames as s3Names,
} from '../../middleware/s3/names.ts'
import { operations as s3Operations } from '../../middleware/s3/operations.ts'
import { detect as detectSwift } from '../../middleware/swift/detect.ts'
import {
  type OperationName as SwiftName,
  operationNames as swiftNames,
} from '../../middleware/swift/names.ts'
import { operations as swiftOperations } from '../../middleware/swift/operations.ts'
import { type Answer, type SentRequest, startNode, type TestNode } from '../helpers/node.ts'
import { createUpload, hexMd5, md5, outcome, putPart } from '../helpers/s3.ts'
import { login } from '../helpers/swift.ts'
import { attackTable } from './table.ts'

const table = attackTable(t, 'authorisation')

/** The names in a request, for `{b}`, `{o}`, `{v}` and `{u}`. */
interface Names {
  readonly b: string
  readonly o: string
  readonly v: string
  readonly u: string
}

/** `METHOD target`, or that with headers and a body. */
type Attempt = string | readonly [line: string, rest: Pick<SentRequest, 'headers' | 'body'>]

const deletion = '<Delete><Object><Key>{o}</Key></Object></Delete>'
const deletionMd5 = (names: Names) => md5(fill(deletion, names)).digest('base64')
const completion =
  '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"{e}"</ETag></Part></CompleteMultipartUpload>'
const versioning = '<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>'
const form = { 'content-type': 'multipart/form-data; boundary=x' }
const formBody = '--x\r\nContent-Disposition: form-data; name="key"\r\n\r\n{o}\r\n--x--\r\n'
const empty = { body: '' }

/** PUT of a subresource that is not implemented, with an arbitrary body. */
const put = (target: string): Attempt[] => [[`PUT ${target}`, { body: '<X/>' }]]

const s3Attempts: Record<S3Name, readonly Attempt[]> = {
  ListBuckets: ['GET /'],
  CreateBucket: [['PUT /{b}', empty]],
  HeadBucket: ['HEAD /{b}'],
  DeleteBucket: ['DELETE /{b}'],
  GetBucketLocation: ['GET /{b}?location'],
  GetBucketVersioning: ['GET /{b}?versioning'],
  PutBucketVersioning: [['PUT /{b}?versioning', { body: versioning }]],
  ListObjects: ['GET /{b}', 'GET /{b}?prefix=hid&delimiter=d'],
  ListObjectsV2: ['GET /{b}?list-type=2&fetch-owner=true'],
  ListObjectVersions: ['GET /{b}?versions'],
  ListMultipartUploads: ['GET /{b}?uploads'],
  DeleteObjects: [['POST /{b}?delete', { body: deletion, headers: { 'content-md5': '{d}' } }]],
  PostObject: [['POST /{b}', { headers: form, body: formBody }]],
  Preflight: [
    [
      'OPTIONS /{b}/{o}',
      { headers: { origin: 'http://x', 'access-control-request-method': 'GET' } },
    ],
  ],
  PutObject: [['PUT /{b}/{o}', { body: 'taken' }]],
  GetObject: ['GET /{b}/{o}', 'GET /{b}/{o}?versionId={v}', 'GET /{b}/{o}?partNumber=1'],
  HeadObject: ['HEAD /{b}/{o}', 'HEAD /{b}/{o}?versionId={v}'],
  DeleteObject: ['DELETE /{b}/{o}', 'DELETE /{b}/{o}?versionId={v}'],
  CopyObject: [
    ['PUT /{b}/taken', { headers: { 'x-amz-copy-source': '/{b}/{o}' } }],
    ['PUT /theirs/taken', { headers: { 'x-amz-copy-source': '/{b}/{o}' } }],
    ['PUT /theirs/taken', { headers: { 'x-amz-copy-source': '/{b}/{o}?versionId={v}' } }],
    ['PUT /{b}/{o}', { headers: { 'x-amz-copy-source': '/theirs/bait' } }],
  ],
  GetObjectAttributes: [
    ['GET /{b}/{o}?attributes', { headers: { 'x-amz-object-attributes': 'ETag,ObjectSize' } }],
  ],
  CreateMultipartUpload: ['POST /{b}/{o}?uploads'],
  UploadPart: [['PUT /{b}/{o}?partNumber=1&uploadId={u}', { body: 'taken' }]],
  UploadPartCopy: [
    [
      'PUT /{b}/{o}?partNumber=2&uploadId={u}',
      { headers: { 'x-amz-copy-source': '/theirs/bait' } },
    ],
    ['PUT /theirs/up?partNumber=2&uploadId={t}', { headers: { 'x-amz-copy-source': '/{b}/{o}' } }],
  ],
  CompleteMultipartUpload: [['POST /{b}/{o}?uploadId={u}', { body: completion }]],
  AbortMultipartUpload: ['DELETE /{b}/{o}?uploadId={u}'],
  ListParts: ['GET /{b}/{o}?uploadId={u}'],
  GetBucketAccelerateConfiguration: ['GET /{b}?accelerate'],
  GetBucketAcl: ['GET /{b}?acl'],
  GetBucketAnalyticsConfiguration: ['GET /{b}?analytics&id=x'],
  ListBucketAnalyticsConfigurations: ['GET /{b}?analytics'],
  GetBucketCors: ['GET /{b}?cors'],
  GetBucketEncryption: ['GET /{b}?encryption'],
  GetBucketIntelligentTieringConfiguration: ['GET /{b}?intelligent-tiering&id=x'],
  ListBucketIntelligentTieringConfigurations: ['GET /{b}?intelligent-tiering'],
  GetBucketInventoryConfiguration: ['GET /{b}?inventory&id=x'],
  ListBucketInventoryConfigurations: ['GET /{b}?inventory'],
  GetBucketLifecycleConfiguration: ['GET /{b}?lifecycle'],
  GetBucketLogging: ['GET /{b}?logging'],
  GetBucketMetricsConfiguration: ['GET /{b}?metrics&id=x'],
  ListBucketMetricsConfigurations: ['GET /{b}?metrics'],
  GetBucketNotificationConfiguration: ['GET /{b}?notification'],
  GetBucketOwnershipControls: ['GET /{b}?ownershipControls'],
  GetBucketPolicy: ['GET /{b}?policy'],
  GetBucketPolicyStatus: ['GET /{b}?policyStatus'],
  GetBucketReplication: ['GET /{b}?replication'],
  GetBucketRequestPayment: ['GET /{b}?requestPayment'],
  GetBucketTagging: ['GET /{b}?tagging'],
  GetBucketWebsite: ['GET /{b}?website'],
  GetObjectLockConfiguration: ['GET /{b}?object-lock'],
  GetPublicAccessBlock: ['GET /{b}?publicAccessBlock'],
  GetObjectAcl: ['GET /{b}/{o}?acl'],
  GetObjectLegalHold: ['GET /{b}/{o}?legal-hold'],
  GetObjectRetention: ['GET /{b}/{o}?retention'],
  GetObjectTagging: ['GET /{b}/{o}?tagging'],
  GetObjectTorrent: ['GET /{b}/{o}?torrent'],
  PutBucketAccelerateConfiguration: put('/{b}?accelerate'),
  PutBucketAcl: [['PUT /{b}?acl', { headers: { 'x-amz-acl': 'private' } }]],
  PutBucketAnalyticsConfiguration: put('/{b}?analytics&id=x'),
  PutBucketCors: put('/{b}?cors'),
  PutBucketEncryption: put('/{b}?encryption'),
  PutBucketIntelligentTieringConfiguration: put('/{b}?intelligent-tiering&id=x'),
  PutBucketInventoryConfiguration: put('/{b}?inventory&id=x'),
  PutBucketLifecycleConfiguration: put('/{b}?lifecycle'),
  PutBucketLogging: put('/{b}?logging'),
  PutBucketMetricsConfiguration: put('/{b}?metrics&id=x'),
  PutBucketNotificationConfiguration: put('/{b}?notification'),
  PutBucketOwnershipControls: put('/{b}?ownershipControls'),
  PutBucketPolicy: put('/{b}?policy'),
  PutBucketReplication: put('/{b}?replication'),
  PutBucketRequestPayment: put('/{b}?requestPayment'),
  PutBucketTagging: put('/{b}?tagging'),
  PutBucketWebsite: put('/{b}?website'),
  PutObjectLockConfiguration: put('/{b}?object-lock'),
  PutPublicAccessBlock: put('/{b}?publicAccessBlock'),
  DeleteBucketAnalyticsConfiguration: ['DELETE /{b}?analytics&id=x'],
  DeleteBucketCors: ['DELETE /{b}?cors'],
  DeleteBucketEncryption: ['DELETE /{b}?encryption'],
  DeleteBucketIntelligentTieringConfiguration: ['DELETE /{b}?intelligent-tiering&id=x'],
  DeleteBucketInventoryConfiguration: ['DELETE /{b}?inventory&id=x'],
  DeleteBucketLifecycle: ['DELETE /{b}?lifecycle'],
  DeleteBucketMetricsConfiguration: ['DELETE /{b}?metrics&id=x'],
  DeleteBucketOwnershipControls: ['DELETE /{b}?ownershipControls'],
  DeleteBucketPolicy: ['DELETE /{b}?policy'],
  DeleteBucketReplication: ['DELETE /{b}?replication'],
  DeleteBucketTagging: ['DELETE /{b}?tagging'],
  DeleteBucketWebsite: ['DELETE /{b}?website'],
  DeletePublicAccessBlock: ['DELETE /{b}?publicAccessBlock'],
  GetBucketAbac: ['GET /{b}?abac'],
  PutBucketAbac: put('/{b}?abac'),
  CreateBucketMetadataConfiguration: [['POST /{b}?metadataConfiguration', empty]],
  GetBucketMetadataConfiguration: ['GET /{b}?metadataConfiguration'],
  DeleteBucketMetadataConfiguration: ['DELETE /{b}?metadataConfiguration'],
  CreateBucketMetadataTableConfiguration: [['POST /{b}?metadataTable', empty]],
  GetBucketMetadataTableConfiguration: ['GET /{b}?metadataTable'],
  DeleteBucketMetadataTableConfiguration: ['DELETE /{b}?metadataTable'],
  UpdateBucketMetadataInventoryTableConfiguration: put('/{b}?metadataInventoryTable'),
  UpdateBucketMetadataJournalTableConfiguration: put('/{b}?metadataJournalTable'),
  CreateSession: ['GET /{b}?session'],
  PutObjectAcl: [['PUT /{b}/{o}?acl', { headers: { 'x-amz-acl': 'private' } }]],
  PutObjectLegalHold: put('/{b}/{o}?legal-hold'),
  PutObjectRetention: put('/{b}/{o}?retention'),
  PutObjectTagging: put('/{b}/{o}?tagging'),
  DeleteObjectTagging: ['DELETE /{b}/{o}?tagging'],
  RenameObject: put('/{b}/{o}?renameObject'),
  RestoreObject: [['POST /{b}/{o}?restore', empty]],
  SelectObjectContent: [['POST /{b}/{o}?select', empty]],
  UpdateObjectEncryption: put('/{b}/{o}?encryption'),
}

const account = '/v1/AUTH_test'
const c = `${account}/{b}`
const o = `${c}/{o}`

const swiftAttempts: Record<SwiftName, readonly Attempt[]> = {
  Auth: [['GET /auth/v1.0', { headers: { 'x-auth-user': 'test:tester', 'x-auth-key': 'wrong' } }]],
  // A stranger's own valid token would only end itself.
  Logout: [['DELETE /auth/v1.0', { headers: { 'x-auth-token': 'AUTH_tkx' } }]],
  Info: ['GET /info'],
  Healthcheck: ['GET /healthcheck'],
  Crossdomain: ['GET /crossdomain.xml'],
  Options: [`OPTIONS ${o}`],
  HeadAccount: [`HEAD ${account}`],
  GetAccount: [`GET ${account}`, `GET ${account}?format=json`],
  PutAccount: [[`PUT ${account}`, empty]],
  PostAccount: [
    [`POST ${account}`, { headers: { 'x-account-access-control': '{"admin":["other"]}' } }],
    [`POST ${account}`, { headers: { 'x-account-meta-taken': 'yes' } }],
  ],
  DeleteAccount: [`DELETE ${account}`],
  BulkDelete: [[`POST ${account}?bulk-delete`, { body: '/{b}/{o}\n' }]],
  ExtractArchive: [[`PUT ${c}?extract-archive=tar`, { body: 'x' }]],
  HeadContainer: [`HEAD ${c}`],
  GetContainer: [`GET ${c}`, `GET ${c}?format=xml`, `GET ${c}?prefix=hid&delimiter=d`],
  ListVersions: [`GET ${c}?versions&format=json`],
  PutContainer: [[`PUT ${c}`, { headers: { 'x-container-read': '.r:*' } }]],
  PostContainer: [
    [`POST ${c}`, { headers: { 'x-container-read': '.r:*' } }],
    [`POST ${c}`, { headers: { 'x-versions-enabled': 'false' } }],
  ],
  DeleteContainer: [`DELETE ${c}`],
  FormPost: [[`POST ${c}`, { headers: form, body: formBody }]],
  HeadObject: [`HEAD ${o}`, `HEAD ${o}?version-id={v}`],
  GetObject: [`GET ${o}`, `GET ${o}?version-id={v}`],
  PutObject: [[`PUT ${o}`, { body: 'taken' }]],
  PutManifest: [[`PUT ${o}?multipart-manifest=put`, { body: '[]' }]],
  MakeCurrent: [[`PUT ${o}?version-id={v}`, empty]],
  PostObject: [
    [`POST ${o}`, { headers: { 'x-object-meta-taken': 'yes' } }],
    [`POST ${o}`, { headers: { 'x-delete-after': '1' } }],
  ],
  DeleteObject: [`DELETE ${o}`, `DELETE ${o}?version-id={v}`],
  CopyObject: [
    [`COPY ${o}`, { headers: { destination: '/{b}/taken' } }],
    [
      `COPY ${o}`,
      { headers: { destination: '/theirs/taken', 'destination-account': 'AUTH_other' } },
    ],
    [`PUT ${o}`, { body: '', headers: { 'x-copy-from': '/{b}/hidden-name' } }],
    [
      'PUT /v1/AUTH_other/theirs/taken',
      {
        body: '',
        headers: { 'x-copy-from': '/{b}/{o}', 'x-copy-from-account': 'AUTH_test' },
      },
    ],
    [
      `COPY /v1/AUTH_other/theirs/bait`,
      { headers: { destination: '/{b}/{o}', 'destination-account': 'AUTH_test' } },
    ],
  ],
}

/** What anybody may do, and a stranger's answer where it is neither 401 nor 403. */
const others: Readonly<Record<string, string>> = {
  // Every user has a list of its own account's buckets, which contains no name of the owner.
  ListBuckets: '200',
  CreateBucket: '409 BucketAlreadyExists',
  // Each key in the document has an answer of its own.
  DeleteObjects: '200',
  BulkDelete: '200',
  PostObject: '501 NotImplemented',
  GetObjectTorrent: '404 NoSuchKey',
  Info: '200',
  Healthcheck: '200',
  Crossdomain: '404',
  Options: '200',
}

/** The answers about an operation that is not implemented, which only known callers get. */
const notBuilt = { s3: 501, swift: 400 }
const isRefused = (dialect: 's3' | 'swift', name: string) =>
  dialect === 's3'
    ? s3Operations[name as S3Name].built === 'refused'
    : swiftOperations[name as SwiftName].built === 'refused'

const fill = (text: string, names: object) =>
  text.replace(/\{(\w)\}/g, (_, name: string) => String(names[name as keyof typeof names]))

/** The request of an attempt, with these names. */
function requestOf(attempt: Attempt, names: Names & Record<string, string>) {
  const [line, rest] = typeof attempt === 'string' ? [attempt, {}] : attempt
  const [method = '', path = ''] = fill(line, names).split(' ')
  const headers = Object.entries(rest.headers ?? {}).map(([name, value]) => [
    name,
    fill(value, { ...names, d: deletionMd5(names) }),
  ])
  const body = rest.body === undefined ? {} : { body: fill(String(rest.body), names) }
  return { method, path, options: { headers: Object.fromEntries(headers), ...body } }
}

/** An answer without the parts that differ from request to request, and without the requested names. */
function shown({ status, headers, text }: Answer, names: Omit<Names, 'u'>): string {
  const own =
    /^(date|x-amz-request-id|x-amz-id-2|x-trans-id|x-openstack-request-id|content-length)$/
  const kept = Object.entries(headers).filter(([name]) => !own.test(name))
  const said = text.replace(/<(RequestId|HostId)>[^<]*/g, '')
  const all = `${status} ${JSON.stringify(kept)} ${said}`
  return all.replaceAll(names.b, '{b}').replaceAll(names.o, '{o}').replaceAll(names.v, '{v}')
}

const theirs = { access: 'other:other', secret: 'testing2' }
const poor = { access: 'test:tester3', secret: 'testing3' }

/** A node with the owner's data, their names, and all that the owner sees of them. */
async function startOwned(t: Test) {
  // Denied logins are among the attempts, and must not delay the next one.
  const limits = { loginFailures: 10_000, loginFailuresPerAddress: 10_000 }
  const node = await startNode(t, { limits })
  const owner = await login(node)
  await node.request('PUT', '/theirs', theirs)
  await node.request('PUT', '/theirs/bait', { ...theirs, body: 'bait' })
  const own = { 'x-versions-enabled': 'true', 'x-container-meta-colour': 'hidden-colour' }
  await owner.request('PUT', '/owned', { headers: own })
  const path = '/owned/thing-one'
  await node.request('PUT', path, { body: 'hidden-old-content' })
  const meta = { 'x-amz-meta-colour': 'hidden-colour' }
  const made = await node.request('PUT', path, { body: 'hidden-content', headers: meta })
  await node.request('PUT', '/owned/hidden-name', { body: 'hidden-more' })
  const upload = await createUpload(node, path)
  const etag = (await putPart(node, path, upload, 1, { body: 'hidden-part' })).slice(1, -1)
  const there = {
    b: 'owned',
    o: 'thing-one',
    v: String(made.headers['x-amz-version-id']),
    u: upload,
    e: etag,
    t: await createUpload(node, '/theirs/up', theirs),
  }
  const state = async () => {
    const answers = await Promise.all([
      owner.request('HEAD', ''),
      owner.request('HEAD', '/owned'),
      owner.request('GET', '/owned?versions&format=json'),
      owner.request('GET', '?format=json'),
      owner.request('GET', '/owned/thing-one'),
      node.request('GET', '/owned?uploads'),
      node.request('GET', `${path}?uploadId=${upload}`),
      node.request('GET', '/theirs', theirs),
      node.request('GET', `/theirs/up?uploadId=${there.t}`, theirs),
    ])
    return answers.map((answer) => shown(answer, { b: '\0', o: '\0', v: '\0' })).join('\n')
  }
  /** What no answer to a stranger may contain. */
  const secrets = [
    /hidden-(?!name)/,
    new RegExp(hexMd5('hidden-content')),
    new RegExp(etag),
    /testing|x-(account|container)-(object|bytes)|x-timestamp/,
    new RegExp(owner.token),
    new RegExp(node.dir),
  ]
  return { node, there, state, secrets }
}

type Stranger = Record<'s3' | 'swift', SentRequest>

const byToken = async (node: TestNode, user: string, key: string) => ({
  sign: false,
  headers: { 'x-auth-token': (await login(node, user, key)).token },
})

const strangers: Record<string, (node: TestNode) => Promise<Stranger>> = {
  'somebody anonymous': async () => ({ s3: { sign: false }, swift: { sign: false } }),
  'the admin of another account': async (node) => ({
    s3: theirs,
    swift: await byToken(node, 'other:other', 'testing2'),
  }),
  'a user of the account without roles': async (node) => ({
    s3: poor,
    swift: await byToken(node, 'test:tester3', 'testing3'),
  }),
}

for (const [who, become] of Object.entries(strangers)) {
  t.test(`${who} does nothing with what is another’s`, async (t) => {
    const { node, there, state, secrets } = await startOwned(t)
    const stranger = await become(node)
    const isKnown = who !== 'somebody anonymous'
    const noObject = { ...there, o: 'thing-two' }
    const noContainer = { ...noObject, b: 'nowhere' }
    const before = await state()
    t.match(before, 'hidden-content', 'the owner sees what there is')

    /** What is wrong with the answer to one attempt. */
    async function faultsOf(dialect: 's3' | 'swift', name: string, attempt: Attempt) {
      const ask = (names: typeof there) => {
        const { method, path, options } = requestOf(attempt, names)
        const headers = { ...stranger[dialect].headers, ...options.headers }
        return node.request(method, path, { ...stranger[dialect], ...options, headers })
      }
      const faults: string[] = []
      const answer = await ask(there)
      const isRefusal = isRefused(dialect, name) && isKnown && answer.status === notBuilt[dialect]
      const isDenied = answer.status === 401 || answer.status === 403 || isRefusal
      if (!isDenied && outcome(answer) !== others[name]) faults.push(outcome(answer))
      const line = JSON.stringify(attempt)
      const all = `${JSON.stringify(answer.headers)}${answer.text}`
      for (const secret of secrets) if (secret.test(all)) faults.push(`shows ${secret}`)
      if (all.includes('hidden-name') && !line.includes('hidden-name')) faults.push('shows a name')
      if (/<Deleted>|Number Deleted: [1-9]/.test(all)) faults.push('deletes')
      // S3 reveals which buckets exist. Swift reveals nothing about a closed container, and neither does about
      // objects.
      const missing = [
        ...(line.includes('{o}') ? [noObject] : []),
        ...(dialect === 'swift' ? [noContainer] : []),
      ]
      for (const names of missing) {
        const same = shown(answer, there)
        const other = shown(await ask(names), names)
        if (same !== other) faults.push(`${same}, but where it is missing ${other}`)
      }
      return faults.map((fault) => `${line}: ${fault}`)
    }

    async function attack(dialect: 's3' | 'swift', name: string, attempts: readonly Attempt[]) {
      const faults: string[] = []
      for (const attempt of attempts) faults.push(...(await faultsOf(dialect, name, attempt)))
      if ((await state()) !== before) faults.push('what the owner sees has changed')
      table.tried(`${dialect}: ${who} attempts ${name}`, faults.length === 0, faults)
    }

    for (const name of s3Names) await attack('s3', name, s3Attempts[name])
    for (const name of swiftNames) await attack('swift', name, swiftAttempts[name])
  })
}

t.test('each attempt asks for the operation that it stands for', async (t) => {
  const names = { b: 'b', o: 'o', v: 'v', u: 'u', e: 'e', t: 't' }
  for (const [dialect, rows] of [
    ['s3', Object.entries(s3Attempts)],
    ['swift', Object.entries(swiftAttempts)],
  ] as const) {
    for (const [name, attempts] of rows) {
      t.ok(attempts.length > 0, `${name} is attempted`)
      for (const attempt of attempts) {
        const { method, path, options } = requestOf(attempt, names)
        const [plain = '', query = ''] = path.split('?')
        const target = { path: plain, query, host: 'h' }
        const { operation } =
          dialect === 's3'
            ? detectS3(method, target, options.headers, [])
            : detectSwift(method, target, options.headers, 'AUTH')
        t.equal(operation, name, `${method} ${path}`)
      }
    }
  }
})
