// The key manager: the part of Barbican's API v1 by which users keep their keys, with its table of routes. Handlers
// translate; what is kept is lib/keymanager's.
//
// By design: statuses are Barbican's, but what it takes unchecked is refused: payloads that are no base64, and symmetric
// keys of another length than their bit_length. Orders are done when they are answered.
// Not built, each refused: orders of certificates and key pairs, CAs, transport keys, secret stores, consumers of secrets,
// sorting and filters by time.
import type { Keep } from '../../lib/keymanager/keep.ts'
import { KEPT_MAX } from '../../lib/keymanager/keep.ts'
import type { Node } from '../node.ts'
import { type Said, titleOf } from '../rest/rest-error.ts'
import { type Context, makeRoutes, type Route, sayJson } from '../rest/route.ts'
import { restSpeaker } from '../rest/speaker.ts'
import type { Speaker } from '../speaker.ts'
import { dropAcl, type Shared, setAcl, showAcl } from './acls.ts'
import * as containers from './containers.ts'
import * as orders from './orders.ts'
import * as secrets from './secrets.ts'

const versionOf = ({ state }: Context) => ({
  id: 'v1',
  status: 'stable',
  updated: '2015-04-28T00:00:00Z',
  links: [{ rel: 'self', href: `${state.target.baseUrl}/v1/` }],
  'media-types': [
    { base: 'application/json', type: 'application/vnd.openstack.key-manager-v1+json' },
  ],
})

const showVersions = (ctx: Context) => sayJson(ctx, 300, { versions: { values: [versionOf(ctx)] } })
const showVersion = (ctx: Context) => sayJson(ctx, 200, { version: versionOf(ctx) })

const showQuotas = (ctx: Context) => {
  const kept = { secrets: KEPT_MAX, orders: KEPT_MAX, containers: KEPT_MAX }
  sayJson(ctx, 200, { quotas: { ...kept, consumers: -1, cas: 0 } })
}

const secret = '/v1/secrets/:id'
const container = '/v1/containers/:id'

const aclRoutes = (what: string, path: string, collection: Shared): Route<Keep>[] => [
  { name: `Show${what}Acl`, method: 'GET', path, handle: showAcl(collection) },
  { name: `Put${what}Acl`, method: 'PUT', path, handle: setAcl(collection, true) },
  { name: `Patch${what}Acl`, method: 'PATCH', path, handle: setAcl(collection, false) },
  { name: `Delete${what}Acl`, method: 'DELETE', path, handle: dropAcl(collection) },
]

/** Every route, which docs/identity.md lists. */
export const keymanagerRoutes: readonly Route<Keep>[] = [
  { name: 'ListVersions', method: 'GET', path: '/', isOpen: true, handle: showVersions },
  { name: 'ShowVersion', method: 'GET', path: '/v1', isOpen: true, handle: showVersion },
  { name: 'ShowQuotas', method: 'GET', path: '/v1/quotas', handle: showQuotas },
  { name: 'ListSecrets', method: 'GET', path: '/v1/secrets', handle: secrets.listAll },
  { name: 'CreateSecret', method: 'POST', path: '/v1/secrets', handle: secrets.makeSecret },
  { name: 'ShowSecret', method: 'GET', path: secret, handle: secrets.showSecret },
  { name: 'PutPayload', method: 'PUT', path: secret, handle: secrets.putPayload },
  { name: 'DeleteSecret', method: 'DELETE', path: secret, handle: secrets.removeSecret },
  { name: 'ShowPayload', method: 'GET', path: `${secret}/payload`, handle: secrets.showPayload },
  { name: 'ShowMetadata', method: 'GET', path: `${secret}/metadata`, handle: secrets.showMetadata },
  { name: 'PutMetadata', method: 'PUT', path: `${secret}/metadata`, handle: secrets.putMetadata },
  {
    name: 'PostMetadatum',
    method: 'POST',
    path: `${secret}/metadata`,
    handle: secrets.postMetadatum,
  },
  {
    name: 'ShowMetadatum',
    method: 'GET',
    path: `${secret}/metadata/:key`,
    handle: secrets.showMetadatum,
  },
  {
    name: 'PutMetadatum',
    method: 'PUT',
    path: `${secret}/metadata/:key`,
    handle: secrets.putMetadatum,
  },
  {
    name: 'DeleteMetadatum',
    method: 'DELETE',
    path: `${secret}/metadata/:key`,
    handle: secrets.removeMetadatum,
  },
  ...aclRoutes('Secret', `${secret}/acl`, 'secrets'),
  { name: 'ListOrders', method: 'GET', path: '/v1/orders', handle: orders.listAll },
  { name: 'CreateOrder', method: 'POST', path: '/v1/orders', handle: orders.makeOrder },
  { name: 'ShowOrder', method: 'GET', path: '/v1/orders/:id', handle: orders.showOrder },
  { name: 'DeleteOrder', method: 'DELETE', path: '/v1/orders/:id', handle: orders.removeOrder },
  { name: 'ListContainers', method: 'GET', path: '/v1/containers', handle: containers.listAll },
  {
    name: 'CreateContainer',
    method: 'POST',
    path: '/v1/containers',
    handle: containers.makeContainer,
  },
  { name: 'ShowContainer', method: 'GET', path: container, handle: containers.showContainer },
  {
    name: 'DeleteContainer',
    method: 'DELETE',
    path: container,
    handle: containers.removeContainer,
  },
  {
    name: 'AddToContainer',
    method: 'POST',
    path: `${container}/secrets`,
    handle: containers.addSecret,
  },
  {
    name: 'TakeFromContainer',
    method: 'DELETE',
    path: `${container}/secrets`,
    handle: containers.takeSecret,
  },
  {
    name: 'ListConsumers',
    method: 'GET',
    path: `${container}/consumers`,
    handle: containers.listConsumers,
  },
  {
    name: 'RegisterConsumer',
    method: 'POST',
    path: `${container}/consumers`,
    handle: containers.registerConsumer,
  },
  {
    name: 'DropConsumer',
    method: 'DELETE',
    path: `${container}/consumers`,
    handle: containers.dropConsumer,
  },
  ...aclRoutes('Container', `${container}/acl`, 'containers'),
]

/** A 401 is said as the middleware in front of Barbican says it. */
function errorBody({ status, message }: Said): object {
  return status === 401
    ? { error: { code: status, message, title: titleOf(status) } }
    : { code: status, title: titleOf(status), description: message }
}

export function keymanager(node: Node): Speaker {
  const { catalog, cipher, macs } = node.registry
  const { endpoints } = node
  return restSpeaker(node, {
    name: 'keymanager',
    routes: makeRoutes(keymanagerRoutes, { catalog, cipher, macs }),
    errorBody,
    challengeOf: ({ state }) => {
      const identity = endpoints.urlOf('identity', state.target) ?? state.target.baseUrl
      return `Keystone uri="${identity}"`
    },
  }) as Speaker
}
