// Who answers on a listener: the only place that lists the dialects, by the names that dialect.ts gives them, and the
// services that have listeners of their own.
import type { Config } from '../lib/config/config.ts'
import { type Dialect, type DialectRules, dialectOf } from './dialect.ts'
import { identity } from './identity/index.ts'
import { keymanager } from './keymanager/index.ts'
import type { Node } from './node.ts'
import { s3 } from './s3/index.ts'
import type { Speaker, Speakers } from './speaker.ts'
import { swift } from './swift/index.ts'

/** The part of the configuration by which dialects are told apart. */
export function dialectRules({ domains, swift }: Config): DialectRules {
  const resellers = swift.resellers.map(({ prefix }) => prefix)
  return { domains, remapDomains: swift.remapDomains, resellers }
}

export function objectSpeakers(node: Node): Speakers {
  const speakers: Readonly<Record<Dialect, Speaker>> = { swift: swift(node), s3: s3(node) }
  const rules = dialectRules(node.config)
  return {
    all: Object.values(speakers),
    of: (target, headers) => speakers[dialectOf(target, headers, rules)],
  }
}

/** One who answers whatever comes. */
const alone = (speaker: Speaker): Speakers => ({ all: [speaker], of: () => speaker })

/** Who answers on listeners of a service, by its name in the configuration. */
export const serviceSpeakers = {
  object: objectSpeakers,
  identity: (node: Node) => alone(identity(node)),
  keymanager: (node: Node) => alone(keymanager(node)),
} as const

export type Service = keyof typeof serviceSpeakers
