// The history of an object against a model of a few lines: random sequences of writes, deletes, changes of
// the container's versioning, and restores; after each step all that can be seen is compared.
import t from 'tap'
import { endOf, rowKeys, versionPrefix } from '../../../lib/catalog/keys.ts'
import { versionRow } from '../../../lib/catalog/rows.ts'
import { isCode } from '../../../lib/errors.ts'
import { type Random, randomFrom, seedOfRun } from '../../helpers/random.ts'
import { admin, sourceOf, startService, type TestService } from '../../helpers/service.ts'

const container = { account: 'test', container: 'c' }
const ref = { ...container, object: 'o\u0000dd/né' }

/** A version as a client sees it; `id` is what the service called it. */
interface ModelVersion {
  id: string
  isNull: boolean
  size: number | null // null: a delete marker
  label: string
}

/** What the object should be: versions newest first, and which counts. */
class Model {
  versioning: 'enabled' | 'suspended' | null = null
  versions: ModelVersion[] = []
  current: ModelVersion | null = null

  get shown(): ModelVersion | null {
    return this.current?.size == null ? null : this.current
  }

  add(version: ModelVersion): void {
    if (version.isNull) this.versions = this.versions.filter(({ isNull }) => !isNull)
    this.versions.unshift(version)
    this.current = version
  }

  remove(version: ModelVersion, promote: boolean): void {
    this.versions = this.versions.filter((other) => other !== version)
    if (this.current === version) this.current = (promote ? this.versions[0] : null) ?? null
  }
}

const publicId = (version: ModelVersion) => (version.isNull ? 'null' : version.id)

interface Run {
  readonly t: Pick<typeof t, 'equal' | 'same' | 'ok' | 'fail' | 'rejects'>
  readonly coffer: TestService
  readonly model: Model
  readonly random: Random
  /** How many steps were done. */
  step: number
}

async function put({ coffer, model, random, step }: Run): Promise<void> {
  const { service, rootCipher } = coffer
  const body = random.bytes(random.pick([0, 1, 100, 9000]))
  const label = String(step)
  const info = await service.put(admin, ref, {
    source: sourceOf(body),
    cipher: rootCipher,
    headers: {},
    metadata: { label },
  })
  const isNull = model.versioning !== 'enabled'
  model.add({ id: info.versionId, isNull, size: body.length, label })
}

async function deleteObject({ t, coffer, model }: Run): Promise<void> {
  const { service } = coffer
  const existed = model.shown !== null
  const result = await service.delete(admin, ref, { promote: true })
  t.equal(result.existed, existed)
  if (model.versioning === null) {
    t.equal(result.isMarker, false)
    if (model.current !== null) model.remove(model.current, false)
    return
  }
  t.equal(result.isMarker, true)
  const isNull = model.versioning === 'suspended'
  model.add({ id: result.versionId!, isNull, size: null, label: '' })
}

async function deleteById({ t, coffer, model, random }: Run): Promise<void> {
  const { service } = coffer
  if (model.versions.length === 0) return
  const version = random.pick(model.versions)
  const promote = random.integer(2) === 1
  const result = await service.delete(admin, ref, { versionId: publicId(version), promote })
  t.equal(result.existed, true)
  t.equal(result.isMarker, version.size === null)
  model.remove(version, promote)
  t.equal(result.currentId, model.shown === null ? undefined : publicId(model.shown))
}

async function restore({ t, coffer, model, random }: Run): Promise<void> {
  const { service } = coffer
  if (model.versions.length === 0) return
  const version = random.pick(model.versions)
  const made = service.makeCurrent(admin, ref, publicId(version))
  if (version.size === null) {
    await made.then(
      () => t.fail('a delete marker was made current'),
      (error) => t.ok(isCode(error, 'VersionIsMarker')),
    )
    return
  }
  await made
  model.current = version
}

async function update({ t, coffer, model, step }: Run): Promise<void> {
  const { service, rootCipher } = coffer
  const label = `updated ${step}`
  const revise = () => ({ headers: { type: 'text/x' }, metadata: { label } })
  const updated = service.update(admin, ref, { cipher: rootCipher, revise })
  if (model.shown === null) {
    await updated.then(
      () => t.fail('what is not there was updated'),
      (error) => t.ok(isCode(error, 'ObjectMissing')),
    )
    return
  }
  await updated
  model.shown.label = label
}

async function setVersioning({ coffer, model, random }: Run): Promise<void> {
  const { service } = coffer
  model.versioning = random.pick(['enabled', 'suspended'] as const)
  await service.updateContainer(admin, container, { versioning: model.versioning })
}

/** All that clients and the catalog show of the object, next to the model. */
async function compare({ t, coffer, model }: Run): Promise<void> {
  const { service, rootCipher, stores } = coffer
  const bytes = model.versions.reduce((sum, { size }) => sum + (size ?? 0), 0)
  const objects = model.shown === null ? 0 : 1
  const { versions } = model
  const held = await service.headContainer(admin, container)
  t.same([held.objects, held.bytes, held.versions], [objects, bytes, versions.length], 'usage')
  const account = await service.headAccount(admin, 'test')
  t.same([account.containers, account.objects, account.bytes], [1, objects, bytes], 'account')

  const listed = await service.list(admin, container, { limit: 10 })
  t.equal(listed.entries.length, objects)
  const history = await service.listVersions(admin, container, { limit: 1000 })
  t.same(
    history.entries.map((entry) =>
      typeof entry === 'string' ? entry : [entry.versionId, entry.isMarker, entry.isLatest],
    ),
    versions.map((version) => [
      publicId(version),
      version.size === null,
      version === model.current,
    ]),
  )
  const head = { cipher: rootCipher }
  if (model.shown === null) {
    await t.rejects(service.head(admin, ref, head), { code: 'ObjectMissing' })
  } else {
    const { info } = await service.head(admin, ref, head)
    t.same([info.versionId, info.size], [publicId(model.shown), model.shown.size])
    t.equal(info.metadata.label, model.shown.label)
  }
  for (const version of versions) {
    if (version.size === null) continue
    const { info } = await service.head(admin, ref, { ...head, versionId: publicId(version) })
    t.same([info.size, info.metadata.label], [version.size, version.label])
  }
  await compareRows(t, stores.catalog, versions.length)
}

/** One row a version, and one reference a body: nothing is left behind. */
async function compareRows(
  t: Run['t'],
  catalog: TestService['stores']['catalog'],
  count: number,
): Promise<void> {
  const prefix = versionPrefix('test', 'c')
  const rows = await catalog.scan({ from: prefix, to: endOf(prefix), limit: 1000 })
  t.equal(rows.entries.length, count, 'version rows')
  for (const entry of rows.entries) {
    if ('group' in entry) continue
    const { body } = versionRow.decodeUnproven(entry.value)
    if (body === null) continue
    t.same((await catalog.getCounters(rowKeys.body(body)))?.values, [1], 'one reference')
  }
  const bodies = await catalog.scan({ from: 'body/', to: endOf('body/'), limit: 1000 })
  const markers = rows.entries.filter(
    (entry) => !('group' in entry) && versionRow.decodeUnproven(entry.value).body === null,
  )
  t.equal(bodies.entries.length, count - markers.length, 'no body without a version')
}

for (const begins of [null, 'enabled', 'suspended'] as const) {
  t.test(`a history that begins ${begins ?? 'unversioned'} is what a model of it is`, async (t) => {
    const random = randomFrom(seedOfRun() + (begins?.length ?? 0))
    t.comment(`SEED=${random.seed}`)
    const coffer = await startService(t)
    await coffer.service.createContainer(admin, container, { indexed: true })
    const model = new Model()
    if (begins !== null) {
      await coffer.service.updateContainer(admin, container, { versioning: begins })
      model.versioning = begins
    }
    const verbs = [put, put, put, deleteObject, deleteById, deleteById, restore, update]
    const run: Run = { t, coffer, model, random, step: 0 }
    for (; run.step < 120; run.step++) {
      const changes = run.step > 20 && random.integer(15) === 0
      await (changes ? setVersioning : random.pick(verbs))(run)
      await compare(run)
    }
  })
}

t.test(
  'a version keeps its number of rows under concurrent writers, and the counts are exact',
  async (t) => {
    const { service, rootCipher } = await startService(t)
    await service.createContainer(admin, container, { indexed: true })
    await service.updateContainer(admin, container, { versioning: 'enabled' })
    const write = () =>
      service.put(admin, ref, {
        source: sourceOf(Buffer.alloc(10)),
        cipher: rootCipher,
        headers: {},
        metadata: {},
      })
    const written = await Promise.all(Array.from({ length: 20 }, write))
    t.equal(new Set(written.map(({ versionId }) => versionId)).size, 20)
    const deleted = await Promise.all(
      written.map(({ versionId }) => service.delete(admin, ref, { versionId, promote: true })),
    )
    t.equal(deleted.filter(({ existed }) => existed).length, 20)
    const { objects, bytes, versions } = await service.headContainer(admin, container)
    t.same([objects, bytes, versions], [0, 0, 0])
    await service.deleteContainer(admin, container)
  },
)
