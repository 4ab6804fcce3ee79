// Projects in Keystone's API v3.
import { compile } from '../../lib/document.ts'
import type { ProjectFacts } from '../../lib/identity/node-users.ts'
import {
  createProject,
  deleteProject,
  projectFor,
  updateProject,
} from '../../lib/identity/projects.ts'
import { reachesAll, seesProject } from '../../lib/identity/rights.ts'
import type { Node } from '../node.ts'
import { readJson } from '../rest/read-body.ts'
import { RestError } from '../rest/rest-error.ts'
import { type RoutedContext, sayJson, tokenOf } from '../rest/route.ts'
import {
  type NewProjectBody,
  newProjectSchema,
  type ProjectPatchBody,
  projectPatchSchema,
} from './schemas.ts'
import { domain, listOf, projectView } from './views.ts'

const isNewProject = compile(newProjectSchema)
const isProjectPatch = compile(projectPatchSchema)

/** Filters of a list, as Keystone names them; absent ones let everything pass. */
export function filtersOf({ state }: RoutedContext) {
  const query = new URLSearchParams(state.target.query)
  const enabled = query.get('enabled')?.toLowerCase()
  return {
    name: query.get('name'),
    isOfDomain: (query.get('domain_id') ?? domain.id) === domain.id,
    project: query.get('default_project_id'),
    isEnabled: enabled === undefined ? undefined : enabled !== 'false' && enabled !== '0',
  }
}

/** Those that the caller may know of: all, or its own. */
export async function listProjects(ctx: RoutedContext, { registry }: Node): Promise<void> {
  const { identity } = tokenOf(ctx)
  const { name, isOfDomain, isEnabled } = filtersOf(ctx)
  const { users } = registry
  function* shown(): Generator<object | undefined> {
    if (!isOfDomain) return
    const own = users.project(name ?? identity.account)
    const all: Iterable<ProjectFacts | undefined> =
      name !== null || !reachesAll(identity) ? [own] : users.projects()
    for (const project of all) {
      const isShown =
        project !== undefined &&
        seesProject(identity, project.id) &&
        (isEnabled === undefined || isEnabled === project.isEnabled)
      yield isShown ? projectView(ctx, project) : undefined
    }
  }
  sayJson(ctx, 200, await listOf(ctx, 'projects', '/projects', shown()))
}

export function showProject(ctx: RoutedContext, { registry }: Node): void {
  const project = projectFor(registry, tokenOf(ctx).identity, ctx.params.project!)
  sayJson(ctx, 200, { project: projectView(ctx, project) })
}

export async function makeProject(ctx: RoutedContext, { registry }: Node): Promise<void> {
  const { project } = await readJson<NewProjectBody>(ctx, isNewProject)
  const { domain_id: of = domain.id, parent_id: parent = domain.id } = project
  if (of !== domain.id || parent !== domain.id) {
    throw new RestError(400, 'There is one domain, and no project below another.')
  }
  const made = await createProject(registry, tokenOf(ctx).identity, {
    id: project.name,
    description: project.description ?? '',
    isEnabled: project.enabled ?? true,
  })
  sayJson(ctx, 201, { project: projectView(ctx, made) })
}

export async function changeProject(ctx: RoutedContext, { registry }: Node): Promise<void> {
  const { project } = await readJson<ProjectPatchBody>(ctx, isProjectPatch)
  const id = ctx.params.project!
  if (project.name !== undefined && project.name !== id) {
    throw new RestError(400, 'A project keeps its name, which is the id of its account.')
  }
  const { description, enabled } = project
  const changed = await updateProject(registry, tokenOf(ctx).identity, id, {
    ...(description !== undefined && { description: description ?? '' }),
    ...(enabled !== undefined && { isEnabled: enabled }),
  })
  sayJson(ctx, 200, { project: projectView(ctx, changed) })
}

export async function removeProject(ctx: RoutedContext, { registry }: Node): Promise<void> {
  await deleteProject(registry, tokenOf(ctx).identity, ctx.params.project!)
  ctx.status = 204
}
