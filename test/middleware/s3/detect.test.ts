// Which operation a request is.
import t from 'tap'
import { subresources } from '../../../lib/auth/sigv2-resource.ts'
import { detect, subresourceNames } from '../../../middleware/s3/detect.ts'

const name = (line: string, headers: Record<string, string> = {}) => {
  const [method = '', url = ''] = line.split(' ')
  const [path = '', query = ''] = url.split('?')
  return detect(method, { path, query, host: 'localhost' }, headers, []).operation
}

const expected: Readonly<Record<string, string>> = {
  'GET /': 'ListBuckets',
  'GET /b': 'ListObjects',
  'GET /b?list-type=1': 'ListObjects',
  'GET /b?list-type=2&prefix=x': 'ListObjectsV2',
  'GET /b?versions': 'ListObjectVersions',
  'GET /b?uploads&prefix=x': 'ListMultipartUploads',
  'GET /b?location': 'GetBucketLocation',
  'GET /b?policy': 'GetBucketPolicy',
  'GET /b?policyStatus': 'GetBucketPolicyStatus',
  'GET /b?object-lock': 'GetObjectLockConfiguration',
  'GET /b?inventory': 'ListBucketInventoryConfigurations',
  'GET /b?inventory&id=x': 'GetBucketInventoryConfiguration',
  'GET /b?intelligent-tiering': 'ListBucketIntelligentTieringConfigurations',
  'DELETE /b?inventory&id=x': 'DeleteBucketInventoryConfiguration',
  'PUT /b': 'CreateBucket',
  'PUT /b/': 'CreateBucket',
  'PUT /b?lifecycle': 'PutBucketLifecycleConfiguration',
  'DELETE /b?lifecycle': 'DeleteBucketLifecycle',
  'HEAD /b': 'HeadBucket',
  'HEAD /b?location': 'HeadBucket',
  'DELETE /b': 'DeleteBucket',
  'POST /b?delete': 'DeleteObjects',
  'POST /b': 'PostObject',
  'GET /b/k': 'GetObject',
  'GET /b/k?x-id=GetObject&versionId=null&partNumber=1': 'GetObject',
  'GET /b/k?unknown=1': 'GetObject',
  'GET /b/k?policy': 'GetObject',
  'GET /b/k?attributes': 'GetObjectAttributes',
  'GET /b/k?uploadId=u': 'ListParts',
  'GET /b/k?tagging': 'GetObjectTagging',
  'HEAD /b/k?partNumber=1': 'HeadObject',
  'PUT /b/k': 'PutObject',
  'PUT /b/k?x-id=PutObject': 'PutObject',
  'PUT /b/k?partNumber=1&uploadId=u': 'UploadPart',
  'PUT /b/k?retention': 'PutObjectRetention',
  'PUT /b/k?renameObject': 'RenameObject',
  'POST /b/k?uploads': 'CreateMultipartUpload',
  'POST /b/k?uploadId=u': 'CompleteMultipartUpload',
  'POST /b/k?select&select-type=2': 'SelectObjectContent',
  'POST /b/k?restore': 'RestoreObject',
  'DELETE /b/k?versionId=x': 'DeleteObject',
  'DELETE /b/k?uploadId=u': 'AbortMultipartUpload',
  'DELETE /b/k?tagging': 'DeleteObjectTagging',
  'OPTIONS /b/k': 'Preflight',
  'OPTIONS /': 'Preflight',
}

t.test('method, address and subresource name the operation', async (t) => {
  for (const [line, operation] of Object.entries(expected)) t.equal(name(line), operation, line)
})

t.test('a copy source makes a PUT a copy', async (t) => {
  const headers = { 'x-amz-copy-source': '/b/s' }
  t.equal(name('PUT /b/k', headers), 'CopyObject')
  t.equal(name('PUT /b/k', { 'x-amz-copy-source': '' }), 'CopyObject')
  t.equal(name('PUT /b/k?partNumber=1&uploadId=u', headers), 'UploadPartCopy')
  t.equal(name('PUT /b/k?X-Amz-Signature=s&X-Amz-Copy-Source=%2Fb%2Fs'), 'CopyObject')
  t.equal(name('PUT /b/k?AWSAccessKeyId=a&Signature=s&x-amz-copy-source=%2Fb%2Fs'), 'CopyObject')
  t.equal(
    name('PUT /b/k?x-amz-copy-source=%2Fb%2Fs'),
    'PutObject',
    'unsigned in the query: nothing',
  )
  t.equal(name('PUT /b/k?acl', headers), 'PutObjectAcl')
})

t.test('a method that a resource does not have is 405 and says which it has', async (t) => {
  const allows: Readonly<Record<string, string>> = {
    'PUT /': 'GET',
    'DELETE /': 'GET',
    'HEAD /': 'GET',
    'PATCH /b': 'GET, HEAD, PUT, DELETE, POST',
    'PUT /b?location': 'GET',
    'DELETE /b?acl': 'GET, PUT',
    'POST /b/k': 'GET, HEAD, PUT, DELETE',
    'PUT /b/k?uploads': 'POST',
    'constructor /b': 'GET, HEAD, PUT, DELETE, POST',
  }
  for (const [line, allow] of Object.entries(allows)) {
    t.throws(
      () => name(line),
      { status: 405, code: 'MethodNotAllowed', headers: { Allow: allow } },
      line,
    )
  }
})

t.test('SigV2 signs every parameter that makes another operation of a request', async (t) => {
  t.same(
    subresourceNames().filter((name) => !subresources.has(name)),
    [],
  )
})

t.test('several subresources at once are refused', async (t) => {
  t.throws(() => name('GET /b?acl&policy'), {
    code: 'InvalidArgument',
    message: 'Conflicting query string parameters: acl, policy',
  })
  t.throws(() => name('PUT /b/k?tagging&acl'), { code: 'InvalidArgument' })
})

t.test('a write never takes a parameter of the other level for nothing', async (t) => {
  for (const line of ['DELETE /b?uploadId=u', 'PUT /b?retention', 'DELETE /b/k?lifecycle']) {
    t.throws(() => name(line), { status: 400, code: 'InvalidRequest' }, line)
  }
  t.throws(() => name('PUT /b/k?partNumber=1'), { code: 'InvalidArgument' })
  t.throws(() => name('PUT /b/k?versionId=null'), { code: 'InvalidArgument' })
  t.throws(() => name('POST /b/k?uploads&versionId=null'), { code: 'InvalidArgument' })
  t.throws(() => name('PUT /b/k?uploadId=u&partNumber=1&versionId='), { code: 'InvalidArgument' })
})
