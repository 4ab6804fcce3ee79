// The contract of bodies on all that resolves them: own segments as writes and completed uploads leave them, links, and
// manifests.
import t from 'tap'
import type { Cipher } from '../../lib/crypto/cipher.ts'
import type { SegmentRun } from '../../lib/service/resolve.ts'
import { ownSegments } from '../../lib/service/resolvers.ts'
import type { ManifestInput, WantedLink } from '../../lib/service/types.ts'
import { admin, sourceOf } from '../helpers/service.ts'
import { type Bodies, bodyContract, refOf } from './bodies.ts'
import { linksByName } from './linked.ts'

t.setTimeout(600_000)

/** Cuts content at these places, and stores each piece as an object. */
async function putPieces(bodies: Bodies, content: Buffer, cuts: readonly number[], cipher: Cipher) {
  const starts = [0, ...cuts]
  return await Promise.all(
    starts.map(async (start, i) => {
      const piece = content.subarray(start, starts[i + 1] ?? content.length)
      const target = await bodies.put(`piece-${i}`, piece, cipher)
      const { info } = await bodies.service.head(admin, target, { cipher })
      return { target, size: piece.length, etag: info.etag }
    }),
  )
}

async function upload({ service }: Bodies, object: string, parts: Buffer[], cipher: Cipher) {
  const input = { cipher, headers: {}, metadata: {} }
  const { uploadId } = await service.createUpload(admin, refOf(object), input)
  const listed: { part: number; etag: string }[] = []
  for (const [i, body] of parts.entries()) {
    const sent = { source: sourceOf(body), cipher }
    const { etag } = await service.putPart(admin, refOf(object), uploadId, i + 2, sent)
    listed.push({ part: i + 2, etag })
  }
  await service.completeUpload(admin, refOf(object), uploadId, { parts: listed })
  return refOf(object)
}

const five = 5 << 20

bodyContract(t, 'one segment', {
  make: (bodies, content, cipher) => bodies.put('o', content, cipher),
})

bodyContract(t, 'parts of an upload', {
  make: (bodies, content, cipher) => {
    const ends = [0, five, 2 * five, content.length]
    const parts = ends.slice(1).map((end, i) => content.subarray(ends[i], end))
    return upload(bodies, 'o', parts, cipher)
  },
})

const links = linksByName()

bodyContract(t, 'links to objects of many sizes', {
  resolver: links.resolver,
  make: async (bodies, content, cipher) => {
    const cuts = [1, 2, 65_538, 300_000, 300_001, 6_000_000, content.length - 1]
    links.set('o', await putPieces(bodies, content, cuts, cipher))
    return await bodies.put('o', Buffer.from('a list of links'), cipher)
  },
})

const ranged = linksByName()

bodyContract(t, 'links to ranges of objects, some of them of one', {
  resolver: ranged.resolver,
  make: async (bodies, content, cipher) => {
    const [all, tail] = await putPieces(bodies, content, [9_000_000], cipher)
    ranged.set('o', [
      { ...all!, range: { offset: 0, length: 100_000 } },
      { ...all!, range: { offset: 100_000, length: 65_536 } },
      { ...all!, range: { offset: 165_536, length: 8_834_464 } },
      tail!,
    ])
    return await bodies.put('o', Buffer.from('a list of links'), cipher)
  },
})

const nested = linksByName()

bodyContract(t, 'links to bodies of links and to completed uploads', {
  resolver: nested.resolver,
  make: async (bodies, content, cipher) => {
    const last = 500_000
    const inner = content.subarray(0, 3_000_000)
    nested.set('inner', await putPieces(bodies, inner, [5, 1_000_000], cipher))
    const parts = [
      content.subarray(3_000_000, 3_000_000 + five),
      content.subarray(3_000_000 + five),
    ]
    const refs = [
      await bodies.put('inner', Buffer.from('a list of links'), cipher),
      await upload(bodies, 'parts', parts, cipher),
    ]
    const middle = await Promise.all(
      refs.map(async (target) => {
        const { info } = await bodies.service.head(admin, target, { cipher })
        return { target, size: info.size, etag: info.etag }
      }),
    )
    const range = { offset: 0, length: middle[1]!.size - last }
    const rest = { offset: range.length, length: last }
    nested.set('middle', [middle[0]!, { ...middle[1]!, range }])
    const target = await bodies.put('middle', Buffer.from('another list'), cipher)
    const { info } = await bodies.service.head(admin, target, { cipher })
    nested.set('o', [
      { target, size: info.size, etag: info.etag },
      { ...middle[1]!, range: rest },
    ])
    return await bodies.put('o', Buffer.from('a list of lists'), cipher)
  },
})

const mixed = linksByName()

bodyContract(t, 'own segments among links', {
  // The body's own parts come first and last, a link between them.
  resolver: (stores) => {
    const byName = mixed.resolver(stores)
    return async (opened, asking) => {
      if (opened.ref.object !== 'o') return await byName(opened, asking)
      const { segments: own, parts } = await ownSegments(stores().catalog)(opened, asking)
      const [link] = asking.follow(mixed.get('o')!)
      const runs = own.flatMap(({ first, count, size }): SegmentRun[] =>
        Array.from({ length: count }, (_, i) => ({ first: first + i, count: 1, size })),
      )
      const segments = [runs[0]!, { ...link!, first: runs[0]!.first }, ...runs.slice(1)]
      return { segments, size: segments.reduce((sum, { size }) => sum + size, 0), parts }
    }
  },
  make: async (bodies, content, cipher) => {
    const middle = content.subarray(five, five + 400_000)
    const target = await bodies.put('middle', middle, cipher)
    const { info } = await bodies.service.head(admin, target, { cipher })
    mixed.set('o', [{ target, size: middle.length, etag: info.etag }])
    return await upload(
      bodies,
      'o',
      [content.subarray(0, five), content.subarray(five + 400_000)],
      cipher,
    )
  },
})

bodyContract(t, 'a manifest of objects, ranges of them, its own bytes and another manifest', {
  make: async (bodies, content, cipher) => {
    const cuts = [1, 65_538, 300_000, 6_000_000]
    const [first, second, third, fourth, last] = await putPieces(bodies, content, cuts, cipher)
    const link = ({ target }: Awaited<ReturnType<typeof putPieces>>[number]): WantedLink => {
      return { ...target, etag: null, size: null, range: null }
    }
    const ranged = (offset: number, length: number): WantedLink => {
      return { ...link(fourth!), range: () => ({ offset, length }) }
    }
    const begin = 300_000
    const own = { data: Buffer.from(content.subarray(begin + 10, begin + 100_010)) }
    const few = { data: Buffer.from(content.subarray(begin + 100_010, begin + 100_011)) }
    const rest = ranged(100_011, 6_000_000 - begin - 100_011)
    const inner = [link(second!), link(third!), ranged(0, 10), own]
    const outer = { ...refOf('inner'), etag: null, size: null, range: null }
    await putManifest(bodies, 'inner', inner, cipher)
    return await putManifest(bodies, 'o', [link(first!), outer, few, rest, link(last!)], cipher)
  },
})

async function putManifest(
  { service }: Bodies,
  object: string,
  entries: ManifestInput['entries'],
  cipher: Cipher,
) {
  const measure = async () => ({ bytes: 1, etag: 'document' })
  const input = { entries, cipher, headers: {}, metadata: {}, measure }
  await service.putManifest(admin, refOf(object), input)
  return refOf(object)
}
