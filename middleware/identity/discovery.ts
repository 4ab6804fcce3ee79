// Which versions of the API there are: what clients ask first where their URL names none.
import { type Context, sayJson } from '../rest/route.ts'

const versionOf = ({ state }: Context) => ({
  id: 'v3.14',
  status: 'stable',
  updated: '2020-04-07T00:00:00Z',
  links: [{ rel: 'self', href: `${state.target.baseUrl}/v3/` }],
  'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.identity-v3+json' }],
})

export const showVersions = (ctx: Context) =>
  sayJson(ctx, 300, { versions: { values: [versionOf(ctx)] } })

export const showVersion = (ctx: Context) => sayJson(ctx, 200, { version: versionOf(ctx) })
