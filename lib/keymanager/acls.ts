// Who may read a secret or a container beside those with a role in its project: users by name, and whether the project
// may at all.
import type { SecretAcl } from '../catalog/identity-rows.ts'
import { nowMicros } from '../names.ts'

/** Most users of a list. */
export const ACL_USERS_MAX = 100

/** What a client sets; what is absent stays as it is (PATCH), or gets its default (PUT). */
export interface AclPatch {
  readonly users?: readonly string[]
  readonly projectAccess?: boolean
}

/** The list that follows from `before` and what a client sets. */
export function mergeAcl(before: SecretAcl | null, patch: AclPatch, replaces: boolean): SecretAcl {
  const kept = replaces ? null : before
  const now = nowMicros()
  return {
    projectAccess: patch.projectAccess ?? kept?.projectAccess ?? true,
    users: [...new Set(patch.users ?? kept?.users ?? [])],
    createdMicros: before?.createdMicros ?? now,
    updatedMicros: now,
  }
}
