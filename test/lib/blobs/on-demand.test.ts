// The files of a volume that are opened for reads, and closed under none: a read may wait, for a note beside its
// volume, before it reads the files it was given.
import t from 'tap'
import { OnDemand } from '../../../lib/blobs/on-demand.ts'
import { OpenVolumes } from '../../../lib/blobs/open-volumes.ts'

/** Files that know whether they are open, and how often they were opened. */
function countedFiles() {
  const counts = { opened: 0, closed: 0 }
  const open = async () => {
    counts.opened++
    let isOpen = true
    return {
      get isOpen() {
        return isOpen
      },
      async close() {
        isOpen = false
        counts.closed++
      },
    }
  }
  const files = new OnDemand(open, new OpenVolumes(4, async () => true))
  return { files, counts }
}

for (const way of ['close', 'end'] as const) {
  t.test(`files are not closed under a read that has yet to read them (${way})`, async (t) => {
    const { files, counts } = countedFiles()
    await files.open()
    const note = Promise.withResolvers<void>()
    const read = files.read(async (given) => {
      await note.promise
      return given.isOpen
    })
    const closing = files[way]()
    await new Promise((resolve) => setImmediate(resolve))
    t.equal(counts.closed, 0, 'the files wait for the read')
    note.resolve()
    t.equal(await read, true, 'the read meets open files')
    await closing
    t.equal(counts.closed, 1, 'the files are closed behind it')
  })
}

t.test('a read that comes while files are being closed waits for their next opening', async (t) => {
  const { files, counts } = countedFiles()
  await files.open()
  const note = Promise.withResolvers<void>()
  const first = files.read(async (given) => {
    await note.promise
    return given.isOpen
  })
  const closing = files.close()
  await new Promise((resolve) => setImmediate(resolve))
  const second = files.read(async (given) => given.isOpen)
  note.resolve()
  t.same(await Promise.all([first, second]), [true, true])
  await closing
  t.same(counts, { opened: 2, closed: 1 })
  t.equal(files.files?.isOpen, true)
  await files.end()
})

t.test('a read that fails does not keep the files open', async (t) => {
  const { files, counts } = countedFiles()
  await files.open()
  const read = files.read(async () => {
    throw new Error('a bad sector')
  })
  const closing = files.close()
  await t.rejects(read, { message: 'a bad sector' })
  await closing
  t.equal(counts.closed, 1)
})
