// Envelopes are bound to the version that they belong to, however its object was named.
import t from 'tap'
import type { ObjectRef } from '../../../lib/service/types.ts'
import { admin, sourceOf, startService } from '../../helpers/service.ts'

t.test('a name that says of no version reads and writes as one that says nothing', async (t) => {
  const { service, rootCipher: cipher } = await startService(t)
  await service.createContainer(admin, { account: 'test', container: 'c' }, { indexed: false })
  const plain = { account: 'test', container: 'c', object: 'plain' }
  // As a copy's source is named.
  const vague: ObjectRef = { ...plain, versionId: undefined } as ObjectRef
  const described = { cipher, headers: {}, metadata: {} }
  const read = async (ref: ObjectRef) => {
    const reader = await service.get(admin, ref, { cipher })
    const bytes = await reader.read()
    reader.close()
    return bytes?.toString()
  }

  await service.put(admin, plain, { ...described, source: sourceOf('one') })
  t.equal(await read(vague), 'one', 'what was written by a plain name is read')

  await service.put(admin, vague, { ...described, source: sourceOf('two') })
  t.equal(await read(plain), 'two', 'what is written is found by a plain name')

  const copy = { ...plain, object: 'copy' }
  const taken = { from: vague, fromCipher: cipher, cipher, changesSelf: false }
  await service.copy(admin, { ...copy, versionId: undefined } as ObjectRef, taken)
  t.equal(await read(copy), 'two', 'what is copied is found by a plain name')

  const { uploadId } = await service.createUpload(admin, vague, described)
  const body = { cipher, source: sourceOf('six') }
  const { part, etag } = await service.putPart(admin, vague, uploadId, 1, body)
  await service.completeUpload(admin, plain, uploadId, { parts: [{ part, etag }] })
  t.equal(await read(plain), 'six', 'what is uploaded is found by a plain name')
})
