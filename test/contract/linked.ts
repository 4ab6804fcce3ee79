// A resolver of links for tests: which objects are made of links is said by their names.
import type { Link } from '../../lib/service/resolve.ts'
import { ownSegments } from '../../lib/service/resolvers.ts'
import type { Resolver } from './bodies.ts'

export interface LinksByName {
  readonly resolver: Resolver
  get(object: string): readonly Link[] | undefined
  /** From now on that object's body is made of these. */
  set(object: string, links: readonly Link[]): void
}

export function linksByName(): LinksByName {
  const byName = new Map<string, readonly Link[]>()
  return {
    get: (object) => byName.get(object),
    set: (object, links) => void byName.set(object, links),
    resolver: (stores) => async (opened, asking) => {
      const links = byName.get(opened.ref.object)
      if (links === undefined) return await ownSegments(stores().catalog)(opened, asking)
      const segments = asking.follow(links)
      return { segments, size: segments.reduce((sum, { size }) => sum + size, 0), parts: null }
    },
  }
}
