// python-swiftclient's program on objects whose ETag is no MD5: what a customer key seals, S3's multipart
// objects, and both at once. They bear the mark of a large object, and the program then looks for segments
// before it overwrites, compares and deletes.
import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { clientTest, swiftClients } from '../helpers/clients.ts'
import { keyHeaders } from '../helpers/node.ts'
import { contentOf, type Setting, startSetting } from './setting.ts'
import { printedFields, sealedBy, swiftProgram } from './swiftclient.ts'

t.setTimeout(600_000)

const PART_BYTES = 5 << 20
const size = PART_BYTES + 1
const content = contentOf('file', size)

/** Makes an S3 object of two parts. */
async function putParts(
  { node }: Setting,
  path: string,
  keyed: Record<string, string>,
): Promise<void> {
  const options = { tls: true, headers: keyed }
  const { text } = await node.request('POST', `${path}?uploads=`, options)
  const id = encodeURIComponent(/<UploadId>(.+)<\/UploadId>/.exec(text)![1]!)
  const listed: string[] = []
  for (const [i, body] of [
    content.subarray(0, PART_BYTES),
    content.subarray(PART_BYTES),
  ].entries()) {
    const query = `partNumber=${i + 1}&uploadId=${id}`
    const { headers } = await node.request('PUT', `${path}?${query}`, { ...options, body })
    listed.push(`<Part><PartNumber>${i + 1}</PartNumber><ETag>${headers.etag}</ETag></Part>`)
  }
  const body = `<CompleteMultipartUpload>${listed.join('')}</CompleteMultipartUpload>`
  const done = await node.request('POST', `${path}?uploadId=${id}`, { ...options, body })
  if (done.status !== 200) throw new Error(done.text)
}

/** How such objects come about; `sealed` ones open with the setting's key. */
const kinds = {
  'sealed by swift': { sealed: true },
  'sealed by S3': { sealed: true },
  'parts of S3': { sealed: false },
  'sealed parts of S3': { sealed: true },
} as const

type Kind = keyof typeof kinds

async function start(t: Parameters<typeof startSetting>[0], kind: Kind) {
  const setting = await startSetting(t)
  const { node, key } = setting
  const swift = swiftProgram(setting)
  const opens = kinds[kind].sealed ? sealedBy(key) : []
  const keyed: Record<string, string> = kinds[kind].sealed ? keyHeaders(key.bytes) : {}
  setting.file('file', size)
  const upload = ['upload', 'c', 'file', ...opens]
  const make = async () => {
    if (kind === 'sealed by swift') await swift.ok(upload)
    else if (kind === 'sealed by S3') {
      await node.request('PUT', '/c/file', { tls: true, headers: keyed, body: content })
    } else await putParts(setting, '/c/file', keyed)
  }
  const audited = (operation: string) =>
    node.audited.filter((entry) => entry.operation === operation).length
  await swift.ok(['post', 'c'])
  await node.request('PUT', '/c/other', { body: 'other' })
  await make()
  return {
    setting,
    swift,
    opens,
    upload,
    make,
    /** The object's bytes. */
    read: () => swift.ok(['download', 'c', 'file', '--output', '-', ...opens]),
    /** Runs the program and counts the objects that it wrote. */
    writes: async (args: readonly string[]) => {
      const before = audited('PutObject')
      await swift.ok(args)
      return audited('PutObject') - before
    },
    stat: async () => printedFields(await swift.text(['stat', 'c', 'file'])),
  }
}

for (const kind of Object.keys(kinds) as Kind[]) {
  clientTest(t, swiftClients.swift, `swift reads and replaces what is ${kind}`, async (t) => {
    const { setting, swift, opens, upload, make, read, writes, stat } = await start(t, kind)
    t.match(await stat(), { 'content length': String(size), 'x-static-large-object': 'True' })
    t.ok((await read()).equals(content), 'read')
    t.equal(await writes(upload), 1, 'replaced by the same file')
    t.ok((await read()).equals(content))
    await make()
    await writes([...upload, '--skip-identical'])
    t.ok((await read()).equals(content), 'compared with the same file')
    await make()
    const shorter = setting.file('shorter', 30)
    const other = ['upload', 'c', shorter, '--object-name', 'file', ...opens]
    t.equal(await writes([...other, '--skip-identical']), 1, 'another file is sent')
    t.ok((await read()).equals(contentOf('shorter', 30)))
    await make()
    t.equal(await writes([...other, '--changed']), 1, 'a changed file is sent')
    t.ok((await read()).equals(contentOf('shorter', 30)))
    t.equal(await writes([...other, '--changed']), 0, 'and not again')
    t.equal((await swift.ok(['download', 'c', 'other', '--output', '-'])).toString(), 'other')
  })

  clientTest(t, swiftClients.swift, `swift compares files with what is ${kind}`, async (t) => {
    const { setting, swift, opens, read } = await start(t, kind)
    const down = ['download', 'c', 'file', '--output', 'down', '--skip-identical', ...opens]
    const fetched = async () => {
      await swift.run(down)
      return readFileSync(setting.path('down')).equals(content)
    }
    t.ok(await fetched(), 'no file')
    t.ok(await fetched(), 'the same file')
    writeFileSync(setting.path('down'), 'other')
    t.ok(await fetched(), 'another file')
    t.ok((await read()).equals(content))
  })

  clientTest(t, swiftClients.swift, `swift copies and deletes what is ${kind}`, async (t) => {
    const { swift, opens, make, read } = await start(t, kind)
    await swift.ok(['copy', 'c', 'file', '--destination', '/c/copied', ...opens])
    await swift.ok(['post', 'c', 'copied', '--meta', 'Colour:blue'])
    const copied = await swift.ok(['download', 'c', 'copied', '--output', '-', ...opens])
    t.ok(copied.equals(content), 'copied')
    t.equal((await swift.text(['delete', 'c', 'file'])).trim(), 'file')
    t.match(await swift.fail(['stat', 'c', 'file']), 'Not Found')
    t.equal(await swift.text(['list', 'c']), 'copied\nother\n', 'nothing else went')
    await make()
    t.ok((await read()).equals(content), 'made anew')
    await swift.ok(['delete', 'c'])
    t.equal(await swift.text(['list']), '', 'a container goes with all of them')
  })
}

clientTest(t, swiftClients.swift, 'swift sends no file that is there as it is', async (t) => {
  const setting = await startSetting(t)
  const swift = swiftProgram(setting)
  setting.file('file', 70_000)
  const upload = ['upload', 'c', 'file', '--skip-identical']
  await swift.ok(upload)
  const before = setting.node.audited.length
  await swift.ok(upload)
  const done = setting.node.audited.slice(before).map(({ operation }) => operation)
  t.notOk(done.includes('PutObject'), 'an MD5 is compared')
})
