// Checks what the load of the kill tests left: every byte through either dialect, both listings, and all
// counts, against the possible states of its names.
import { createHash } from 'node:crypto'
import type { Test } from 'tap'
import { swiftKey } from '../helpers/both.ts'
import { keyHeaders, type SentRequest, type TestNode } from '../helpers/node.ts'
import { customerKey, elements } from '../helpers/s3.ts'
import { login, type Session } from '../helpers/swift.ts'

/** The state of a name: the SHA-256 of its bytes, or null without an object. */
export type State = string | null

/** The possible states of a name: those that were acknowledged last, or requested since. */
export type Possible = readonly State[]

export const loadKey = customerKey('k')

export const hashOf = (body: Buffer) => createHash('sha256').update(body).digest('hex')

/** Names with an even number are under a customer key, the others under the root key. */
export const isSealed = (name: string) => Number(name.split('-').at(-1)) % 2 === 0

/** The options of a request that reads or writes `name`. */
export function sealing(name: string, throughSwift: boolean): SentRequest {
  if (!isSealed(name)) return {}
  return { tls: true, headers: throughSwift ? swiftKey(loadKey) : keyHeaders(loadKey) }
}

/**
 * Fails unless every name is in a possible state, both listings show exactly these, and the counts are exact. Returns
 * the state of each name.
 */
export async function verifyNames(
  node: Pick<TestNode, 'request'>,
  expected: ReadonlyMap<string, Possible>,
  t: Pick<Test, 'fail' | 'same'>,
  note: string,
): Promise<Map<string, State>> {
  const swift = await login(node)
  const states = new Map<string, State>()
  const present: string[] = []
  for (const [name, possible] of expected) {
    const throughSwift = isSealed(name) === name.startsWith('c0')
    const options = sealing(name, throughSwift)
    const answer = throughSwift
      ? await swift.request('GET', `/bkt/${name}`, options)
      : await node.request('GET', `/bkt/${name}`, options)
    const found = answer.status === 404 ? null : hashOf(answer.body)
    if (found !== null) {
      if (answer.status !== 200) t.fail(`${name}: ${answer.status} ${answer.text}, ${note}`)
      present.push(name)
    }
    if (!possible.includes(found)) t.fail(`${name} is in a state nobody asked for, ${note}`)
    states.set(name, found)
  }
  const names = elements(await node.request('GET', '/bkt'), 'Key')
  const isOwn = (name: string) => !name.startsWith('source-')
  t.same(names.filter(isOwn), present.sort(), `what is listed can be read, ${note}`)
  await verifyCounts(swift, names, t, note)
  return states
}

async function verifyCounts(
  swift: Session,
  names: readonly string[],
  t: Pick<Test, 'same'>,
  note: string,
): Promise<void> {
  const listing = await swift.request('GET', '/bkt?format=json')
  const listed = JSON.parse(listing.text) as { name: string; bytes: number }[]
  t.same(
    listed.map(({ name }) => name),
    names,
    `both dialects list the same, ${note}`,
  )
  const { headers: container } = await swift.request('HEAD', '/bkt')
  const { headers: account } = await swift.request('HEAD', '')
  const counted = [
    [container['x-container-object-count'], container['x-container-bytes-used']],
    [account['x-account-object-count'], account['x-account-bytes-used']],
  ].map((pair) => pair.map(Number))
  const bytes = listed.reduce((sum, item) => sum + item.bytes, 0)
  const exact = [listed.length, bytes]
  t.same(counted, [exact, exact], `container and account count what is listed, ${note}`)
}
