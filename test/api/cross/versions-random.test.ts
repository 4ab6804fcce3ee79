// A long random walk through the history of two objects, by both dialects, held to a naive model after each
// step: what each side lists, what a plain GET gives, and the counts.
import t from 'tap'
import { type Both, containerUsage, startWithContainer, swiftList } from '../../helpers/both.ts'
import { type Random, randomFrom, seedOfRun } from '../../helpers/random.ts'
import { listedIn } from '../../helpers/versions.ts'

const STEPS = 120
const names = ['a', 'b'] as const

interface Version {
  readonly id: string
  /** Null: a delete marker. */
  readonly body: string | null
}

/** Versions newest first, and which of them counts. */
interface Past {
  versions: Version[]
  current: string | null
}

type Dialect = 's3' | 'swift'

/** What the node should hold: versions newest first, and which is current by whose doing (D-ONE-HISTORY). */
class Model {
  readonly pasts = new Map<string, Past>(
    names.map((name) => [name, { versions: [], current: null }]),
  )
  keeps = false

  /** A new version, or a marker; in place of the null version unless versions are kept. */
  add(name: string, version: Version): void {
    const past = this.pasts.get(name)!
    if (!this.keeps) past.versions = past.versions.filter(({ id }) => id !== 'null')
    past.versions.unshift(version)
    past.current = version.id
  }

  remove(name: string, id: string, by: Dialect): void {
    const past = this.pasts.get(name)!
    past.versions = past.versions.filter((version) => version.id !== id)
    if (past.current === id) past.current = by === 's3' ? (past.versions[0]?.id ?? null) : null
  }

  currentOf(name: string): Version | undefined {
    const { versions, current } = this.pasts.get(name)!
    return versions.find(({ id }) => id === current)
  }

  get history(): unknown[][] {
    return [...this.pasts].flatMap(([name, { versions, current }]) =>
      versions.map(({ id, body }) => [name, id, body === null, id === current]),
    )
  }

  get usage() {
    const bodies = [...this.pasts.values()].flatMap(({ versions }) => versions)
    const shown = names.map((name) => this.currentOf(name)?.body ?? null)
    return {
      objects: shown.filter((body) => body !== null).length,
      bytes: bodies.reduce((sum, { body }) => sum + (body?.length ?? 0), 0),
    }
  }
}

const idHeaders = { s3: 'x-amz-version-id', swift: 'x-object-version-id' } as const
const parameters = { s3: 'versionId', swift: 'version-id' } as const

/** One step by a dialect that is drawn; gives its description. */
async function step(both: Both, model: Model, random: Random, number: number): Promise<string> {
  const by: Dialect = random.pick(['s3', 'swift'])
  const ask = both[by]
  const name = random.pick(names)
  const path = `/bkt/${name}`
  const idOf = (headers: Record<string, unknown>) => String(headers[idHeaders[by]] ?? 'null')
  const { versions } = model.pasts.get(name)!
  const chosen = versions.length === 0 ? undefined : random.pick(versions)
  switch (random.pick(['put', 'put', 'put', 'delete', 'deleteId', 'deleteId', 'restore', 'keep'])) {
    case 'put': {
      const body = `${number}`.repeat(1 + random.integer(5))
      const { headers } = await ask('PUT', path, { body })
      model.add(name, { id: idOf(headers), body })
      return `${by} puts ${name}`
    }
    case 'delete': {
      const { headers } = await ask('DELETE', path)
      model.add(name, { id: idOf(headers), body: null })
      return `${by} deletes ${name}`
    }
    case 'deleteId': {
      if (chosen === undefined) return 'nothing to delete'
      await ask('DELETE', `${path}?${parameters[by]}=${chosen.id}`)
      model.remove(name, chosen.id, by)
      return `${by} deletes ${name} ${chosen.id}`
    }
    case 'restore': {
      if (chosen === undefined || chosen.body === null || chosen.id === 'null') return 'no restore'
      await both.swift('PUT', `${path}?version-id=${chosen.id}`)
      model.pasts.get(name)!.current = chosen.id
      return `swift makes ${name} ${chosen.id} current`
    }
    default: {
      model.keeps = !model.keeps
      const headers = { 'X-Versions-Enabled': String(model.keeps) }
      await both.swift('POST', '/bkt', { headers })
      return `versions are kept: ${model.keeps}`
    }
  }
}

/** What both sides show, in the model's form. */
async function historiesOf(both: Both): Promise<unknown[][][]> {
  const s3 = listedIn(await both.s3('GET', '/bkt?versions'))
  const swift = await swiftList(both, '/bkt?versions')
  return [
    s3.map(({ key, id, kind, latest }) => [key, id, kind === 'DeleteMarker', latest]),
    swift.map(({ name, version_id, content_type, is_latest }) => [
      name,
      version_id,
      content_type.startsWith('application/x-deleted'),
      is_latest,
    ]),
  ]
}

t.test('whatever both do to an object’s history, both see what the rules say', async (t) => {
  const both = await startWithContainer(t)
  const random = randomFrom(seedOfRun())
  const model = new Model()
  await both.swift('PUT', '/bkt/a', { body: 'before versions' })
  model.add('a', { id: 'null', body: 'before versions' })
  model.keeps = true
  await both.swift('POST', '/bkt', { headers: { 'X-Versions-Enabled': 'true' } })
  const told: string[] = []
  for (let number = 1; number <= STEPS; number++) {
    told.push(await step(both, model, random, number))
    const message = `SEED=${random.seed}, step ${number}: ${told.slice(-4).join('; ')}`
    const [s3, swift] = await historiesOf(both)
    t.same(s3, model.history, `S3, ${message}`)
    t.same(swift, model.history, `Swift, ${message}`)
    t.same(await containerUsage(both), model.usage, message)
    for (const name of names) {
      const wanted = model.currentOf(name)?.body ?? null
      for (const ask of [both.s3, both.swift]) {
        const { status, text } = await ask('GET', `/bkt/${name}`)
        t.same(
          [status, status === 200 ? text : null],
          [wanted === null ? 404 : 200, wanted],
          message,
        )
      }
    }
    if (!t.passing()) return
  }
})
