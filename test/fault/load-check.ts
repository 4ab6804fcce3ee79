// What the load of the kill tests left behind, held against what its names may hold: every byte through either
// dialect, both listings, and what is counted.
import { createHash } from 'node:crypto'
import type { Test } from 'tap'
import { swiftKey } from '../helpers/both.ts'
import { keyHeaders, type SentRequest, type TestNode } from '../helpers/node.ts'
import { customerKey, elements } from '../helpers/s3.ts'
import { login, type Session } from '../helpers/swift.ts'

/** What a name holds: the SHA-256 of its bytes. Null: no object. */
export type State = string | null

/** What a name may hold: the states that were acknowledged last, or asked for since. */
export type Possible = readonly State[]

export const loadKey = customerKey('k')

export const hashOf = (body: Buffer) => createHash('sha256').update(body).digest('hex')

/** Names with an even number are sealed under a customer's key, the others under the root key. */
export const isSealed = (name: string) => Number(name.split('-').at(-1)) % 2 === 0

/** The options of a request that reads or writes `name`. */
export function sealing(name: string, throughSwift: boolean): SentRequest {
  if (!isSealed(name)) return {}
  return { tls: true, headers: throughSwift ? swiftKey(loadKey) : keyHeaders(loadKey) }
}

/**
 * Fails unless every name is in a state it may be in, both listings show just that, and counts are exact. Gives
 * the state of each.
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
