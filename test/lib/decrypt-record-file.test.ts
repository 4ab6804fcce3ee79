// What `coffer decrypt` makes of the file of a volume that it cannot read as docs/format.md §6 says.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Failure } from '../../bin/decrypt/failure.ts'
import { openRecords } from '../../bin/decrypt/record-file.ts'

t.test(
  'the file of a later release is refused by its version, and is not called damaged',
  async (t) => {
    const path = join(t.testdir(), 'records')
    for (const digit of [2, 9]) {
      writeFileSync(path, Buffer.from(`cfr${digit}`.padEnd(200, 'x')))
      const refused = await openRecords(path).catch((error) => error)
      t.type(refused, Failure)
      t.match(refused, { exit: 'failed', message: new RegExp(`version ${digit}.*reads 1`) })
    }
  },
)

t.test('a file without any record, and an empty one, hold no values', async (t) => {
  const path = join(t.testdir(), 'records')
  for (const bytes of [Buffer.alloc(0), Buffer.alloc(8192), Buffer.from('cfr1')]) {
    writeFileSync(path, bytes)
    const records = await openRecords(path)
    t.equal(await records.get(Buffer.alloc(8)), undefined)
    await records.close()
  }
})
