// Static large objects for tests: three segments in /segs, and a manifest of them.
import { createHash } from 'node:crypto'
import type { Ask } from './both.ts'

export const md5 = (data: Buffer | string) => createHash('md5').update(data).digest('hex')

const MIB = 1 << 20
export const letters = ['a', 'b', 'c'] as const
export type Letter = (typeof letters)[number]
export const pieces = { a: Buffer.alloc(MIB, 'a'), b: Buffer.alloc(MIB, 'b'), c: Buffer.from('c') }
/** What a manifest of all segments reads as. */
export const whole = Buffer.concat(letters.map((letter) => pieces[letter]))
/** Its ETag. */
export const sloEtag = md5(letters.map((letter) => md5(pieces[letter])).join(''))

/** The entry of a segment. */
export const segment = (letter: Letter) => ({
  path: `/segs/${letter}`,
  etag: md5(pieces[letter]),
  size_bytes: pieces[letter].length,
})

/** Sends a manifest: its entries, or a text as it stands. */
export const putSlo = (swift: Ask, path: string, items: unknown, headers = {}, query = '') =>
  swift('PUT', `${path}?multipart-manifest=put${query}`, {
    body: typeof items === 'string' ? items : JSON.stringify(items),
    headers,
  })

/** Makes a container of segments, one for manifests, and a manifest of the segments at /c/slo. */
export async function makeSlo(swift: Ask) {
  for (const path of ['/c', '/segs']) await swift('PUT', path)
  for (const letter of letters) await swift('PUT', `/segs/${letter}`, { body: pieces[letter] })
  return await putSlo(swift, '/c/slo', letters.map(segment), { 'X-Object-Meta-A': 'b' })
}
