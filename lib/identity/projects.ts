// Projects: accounts of storage, under the same id. A project of users.yaml has no row.
import { faultOfName } from '../auth/users.ts'
import { identityKeys, userPrefix } from '../catalog/identity-keys.ts'
import { endOf } from '../catalog/keys.ts'
import { nowMicros } from '../names.ts'
import type { ProjectFacts } from './node-users.ts'
import { IdentityRefused } from './refused.ts'
import {
  type Change,
  invalid,
  makeChange,
  missing,
  type Registry,
  readOnly,
  taken,
} from './registry.ts'
import { type Actor, reachesAll, requireRight, seesProject } from './rights.ts'
import { decodeFound } from './row-forms.ts'

/** Longest description, in characters. */
export const DESCRIPTION_CHARS_MAX = 1024

/** Throws IdentityRefused `invalid` for what cannot be the id of an account. */
export function requireProjectId(id: string): void {
  const fault = faultOfName(id)
  if (fault !== null) throw invalid(`The name of a project ${fault}.`)
  if (id.includes(':')) throw invalid('The name of a project has a colon.')
}

/** A project that the actor may know of. Throws IdentityRefused `missing`. */
export function projectFor({ users }: Registry, actor: Actor, id: string): ProjectFacts {
  const project = seesProject(actor, id) ? users.project(id) : undefined
  if (project === undefined) throw missing(`project: ${id}`)
  return project
}

/** Adds the row of a new project to a change. Throws IdentityRefused `taken`. */
export async function draftProject(
  { catalog, users }: Registry,
  change: Change,
  id: string,
  facts: { readonly description: string; readonly isEnabled: boolean },
): Promise<void> {
  const key = identityKeys.project(id)
  const holder = users.byCanonicalId(id)
  const isOfFile = users.project(id)?.isOfFile === true
  // The canonical id of an account of the file would name two owners.
  const isTaken = isOfFile || (holder !== undefined && holder !== id)
  if (isTaken || (await catalog.get(key)) !== undefined) throw taken(`A project ${id}`)
  change.expect(key, undefined)
  change.put('project', key, {
    createdMicros: nowMicros(),
    description: facts.description,
    enabled: facts.isEnabled,
  })
}

/** Makes a project, enabled unless it says otherwise. Rejects with IdentityRefused. */
export async function createProject(
  registry: Registry,
  actor: Actor,
  project: { readonly id: string; readonly description?: string; readonly isEnabled?: boolean },
): Promise<ProjectFacts> {
  requireRight(reachesAll(actor))
  const { id, description = '', isEnabled = true } = project
  requireProjectId(id)
  await makeChange(registry, (change) =>
    draftProject(registry, change, id, { description, isEnabled }),
  )
  return projectFor(registry, actor, id)
}

/** Changes what an administrator may change; what is absent stays. A project that is disabled has no user who logs in. Rejects with
 * IdentityRefused. */
export async function updateProject(
  registry: Registry,
  actor: Actor,
  id: string,
  patch: { readonly description?: string; readonly isEnabled?: boolean },
): Promise<ProjectFacts> {
  const { isOfFile } = projectFor(registry, actor, id)
  requireRight(reachesAll(actor))
  if (isOfFile) throw readOnly(`The project ${id}`)
  const key = identityKeys.project(id)
  await makeChange(registry, async (change) => {
    const found = await registry.catalog.get(key)
    const row = decodeFound('project', found, registry.macs)
    if (row === undefined) throw missing(`project: ${id}`)
    const { description = row.description, isEnabled = row.enabled } = patch
    change.expect(key, found).put('project', key, { ...row, description, enabled: isEnabled })
  })
  return projectFor(registry, actor, id)
}

/** Removes a project without users. What its account stores stays. */
export async function deleteProject(registry: Registry, actor: Actor, id: string): Promise<void> {
  const { isOfFile } = projectFor(registry, actor, id)
  requireRight(reachesAll(actor))
  if (isOfFile) throw readOnly(`The project ${id}`)
  const { catalog } = registry
  const key = identityKeys.project(id)
  await makeChange(registry, async (change) => {
    const found = await catalog.get(key)
    if (found === undefined) throw missing(`project: ${id}`)
    const prefix = userPrefix(id)
    const { entries } = await catalog.scan({ from: prefix, to: endOf(prefix), limit: 1 })
    if (entries.length > 0) {
      throw new IdentityRefused('taken', `The project ${id} has users: remove them first.`)
    }
    change.expect(key, found).del(key)
  })
}
