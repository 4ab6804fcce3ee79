// The identity service: the part of Keystone's API v3 that users of an object store need, with its table of routes.
// Handlers translate; users, projects and credentials are lib/identity's.
//
// By design: one domain; a project is an account of storage, with the same id and name; a user is of one project, and its
// id is `account:user`; a role is a word.
// Not built, each refused: groups, trusts, domains of one's own, policies, regions and services of others, system scope,
// roles in other projects, access rules of application credentials, MFA.
import type { Node } from '../node.ts'
import { titleOf } from '../rest/rest-error.ts'
import { makeRoutes, type Route } from '../rest/route.ts'
import { restSpeaker } from '../rest/speaker.ts'
import type { Speaker } from '../speaker.ts'
import * as credentials from './credentials.ts'
import { showVersion, showVersions } from './discovery.ts'
import { login, loginV2 } from './login.ts'
import * as projects from './projects.ts'
import * as roles from './roles.ts'
import * as tokens from './tokens.ts'
import * as users from './users.ts'

const ofUser = '/v3/users/:user'
const ec2 = `${ofUser}/credentials/OS-EC2`
const apps = `${ofUser}/application_credentials`
const grant = '/v3/projects/:project/users/:user/roles'

/** Every route, which docs/identity.md lists. */
export const identityRoutes: readonly Route<Node>[] = [
  { name: 'ListVersions', method: 'GET', path: '/', isOpen: true, handle: showVersions },
  { name: 'ShowVersion', method: 'GET', path: '/v3', isOpen: true, handle: showVersion },
  { name: 'Login', method: 'POST', path: '/v3/auth/tokens', isOpen: true, handle: login },
  { name: 'LoginV2', method: 'POST', path: '/v2.0/tokens', isOpen: true, handle: loginV2 },
  { name: 'LoginV2BelowV3', method: 'POST', path: '/v3/tokens', isOpen: true, handle: loginV2 },
  { name: 'ShowToken', method: 'GET', path: '/v3/auth/tokens', handle: tokens.showToken },
  { name: 'RevokeToken', method: 'DELETE', path: '/v3/auth/tokens', handle: tokens.revokeToken },
  { name: 'ShowCatalog', method: 'GET', path: '/v3/auth/catalog', handle: tokens.showCatalog },
  {
    name: 'ListOwnProjects',
    method: 'GET',
    path: '/v3/auth/projects',
    handle: tokens.listOwnProjects,
  },
  { name: 'ListDomains', method: 'GET', path: '/v3/domains', handle: tokens.listDomains },
  { name: 'ShowDomain', method: 'GET', path: '/v3/domains/:domain', handle: tokens.showDomain },
  { name: 'ListProjects', method: 'GET', path: '/v3/projects', handle: projects.listProjects },
  { name: 'CreateProject', method: 'POST', path: '/v3/projects', handle: projects.makeProject },
  {
    name: 'ShowProject',
    method: 'GET',
    path: '/v3/projects/:project',
    handle: projects.showProject,
  },
  {
    name: 'UpdateProject',
    method: 'PATCH',
    path: '/v3/projects/:project',
    handle: projects.changeProject,
  },
  {
    name: 'DeleteProject',
    method: 'DELETE',
    path: '/v3/projects/:project',
    handle: projects.removeProject,
  },
  { name: 'ListUsers', method: 'GET', path: '/v3/users', handle: users.listUsers },
  { name: 'CreateUser', method: 'POST', path: '/v3/users', handle: users.makeUser },
  { name: 'ShowUser', method: 'GET', path: ofUser, handle: users.showUser },
  { name: 'UpdateUser', method: 'PATCH', path: ofUser, handle: users.changeUser },
  { name: 'DeleteUser', method: 'DELETE', path: ofUser, handle: users.removeUser },
  {
    name: 'SetOwnPassword',
    method: 'POST',
    path: `${ofUser}/password`,
    handle: users.setOwnPassword,
  },
  {
    name: 'ListProjectsOfUser',
    method: 'GET',
    path: `${ofUser}/projects`,
    handle: users.listProjectsOfUser,
  },
  { name: 'CreateEc2Credential', method: 'POST', path: ec2, handle: credentials.makeEc2 },
  { name: 'ListEc2Credentials', method: 'GET', path: ec2, handle: credentials.listEc2 },
  { name: 'ShowEc2Credential', method: 'GET', path: `${ec2}/:access`, handle: credentials.showEc2 },
  {
    name: 'DeleteEc2Credential',
    method: 'DELETE',
    path: `${ec2}/:access`,
    handle: credentials.removeEc2,
  },
  {
    name: 'CreateAppCredential',
    method: 'POST',
    path: apps,
    handle: credentials.makeAppCredential,
  },
  {
    name: 'ListAppCredentials',
    method: 'GET',
    path: apps,
    handle: credentials.listAppCredentialsOf,
  },
  {
    name: 'ShowAppCredential',
    method: 'GET',
    path: `${apps}/:id`,
    handle: credentials.showAppCredential,
  },
  {
    name: 'DeleteAppCredential',
    method: 'DELETE',
    path: `${apps}/:id`,
    handle: credentials.removeAppCredential,
  },
  { name: 'ListRoles', method: 'GET', path: '/v3/roles', handle: roles.listRoles },
  { name: 'ShowRole', method: 'GET', path: '/v3/roles/:role', handle: roles.showRole },
  {
    name: 'ListRoleAssignments',
    method: 'GET',
    path: '/v3/role_assignments',
    handle: roles.listAssignments,
  },
  { name: 'ListRolesOfUser', method: 'GET', path: grant, handle: roles.listRolesOfUser },
  { name: 'CheckRole', method: 'HEAD', path: `${grant}/:role`, handle: roles.checkRole },
  { name: 'GrantRole', method: 'PUT', path: `${grant}/:role`, handle: roles.grantRole },
  { name: 'RevokeRole', method: 'DELETE', path: `${grant}/:role`, handle: roles.revokeRole },
]

export function identity(node: Node): Speaker {
  return restSpeaker(node, {
    name: 'identity',
    routes: makeRoutes(identityRoutes, node),
    errorBody: ({ status, message }) => ({
      error: { code: status, message, title: titleOf(status) },
    }),
    challengeOf: ({ state }) => `Keystone uri="${state.target.baseUrl}/v3"`,
  }) as Speaker
}
