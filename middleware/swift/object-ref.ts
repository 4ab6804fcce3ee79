// The object, and the version of it, that a request names.
import type { ObjectRef } from '../../lib/service/types.ts'
import type { Context } from './context.ts'

/** The object in the request's path. */
export function objectOf({ state }: Context): ObjectRef {
  const { account, container, object } = state.swift
  return { account: account!, container: container!, object: object! }
}

/** The version that `?version-id=` names, undefined where it is empty or missing. */
export const versionIdOf = ({ state }: Context): string | undefined =>
  state.swift.query.get('version-id') || undefined
