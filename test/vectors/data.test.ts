// The published data directory of a stopped node: its files have the sums that stand beside them, and `coffer decrypt` brings
// out all that is in it. Nodes read the same directory in test/upgrade.test.ts.
import { createHash } from 'node:crypto'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { main } from '../../bin/decrypt.ts'
import { customerKey, type ExpectedObject } from '../fixtures/expected.ts'
import { SUMS_FILE, sumsOf } from '../fixtures/sums.ts'
import { copyFixture, fixtures } from '../helpers/fixture.ts'

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

t.ok(fixtures.length > 0)
for (const name of fixtures) {
  const directory = new URL(`../fixtures/${name}`, import.meta.url).pathname

  t.test(`${name} has the sums that it is published with`, async (t) => {
    t.equal(readFileSync(join(directory, SUMS_FILE), 'utf8'), sumsOf(directory))
  })

  t.test(`the decrypt program brings out every version of ${name}`, async (t) => {
    const { data, expected } = copyFixture(t, name)
    const all = [...expected.objects, ...expected.versions]
    const seeds = [...new Set(all.flatMap(({ key }) => (key === undefined ? [] : [key])))]
    const keys = seeds.flatMap((seed) => {
      const file = join(data, `key${seed}`)
      writeFileSync(file, customerKey(seed))
      chmodSync(file, 0o600)
      return ['--key-file', file]
    })
    const out = join(data, 'out')
    const args = ['--data', data, '--all', '--out', out, '--keyring', join(data, 'keyring')]
    t.equal(await main([...args, ...keys]), 0)
    const index = readFileSync(join(out, 'index.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    const isOf = (object: ExpectedObject) => (line: (typeof index)[number]) =>
      line.container === object.container &&
      line.object === object.object &&
      (object.versionId === undefined ? line.current : line.version === object.versionId)
    for (const object of all) {
      const line = index.find(isOf(object))
      const content = readFileSync(join(out, line.file))
      t.same([content.length, sha256(content)], [object.size, object.sha256], object.object)
      if (object.key !== undefined) t.equal(line.sealedUnder, 'customer key')
      else t.type(line.sealedUnder.rootKey, 'string')
    }
    const files = index.filter(({ file }) => file !== null)
    t.equal(files.length, all.length, 'and nothing else')
    for (const marker of expected.markers) {
      t.match(
        index.find(({ version }) => version === marker.versionId),
        { deleteMarker: true },
      )
    }
  })
}
