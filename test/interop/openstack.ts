// The programs of OpenStack as the tests run them: which node, which user, in which project.
import { openstackClients, type Program, program, type Runner } from '../helpers/clients.ts'
import type { Setting } from './setting.ts'
import { runWarm } from './warm.ts'

/** The environment of a user, as the guides' `openrc` sets it. */
export const openstackEnv = (
  { node, ca }: Setting,
  [name, password, project]: readonly [name: string, password: string, project: string],
) => ({
  OS_AUTH_URL: `${node.addressesOf('identity')[0]}/v3`,
  OS_USERNAME: name,
  OS_PASSWORD: password,
  OS_PROJECT_NAME: project,
  OS_USER_DOMAIN_NAME: 'Default',
  OS_PROJECT_DOMAIN_NAME: 'Default',
  OS_IDENTITY_API_VERSION: '3',
  OS_CACERT: ca,
})

/** `openstack` or `barbican` as that user. */
export const openstackProgram = (
  setting: Setting,
  user: readonly [name: string, password: string, project: string],
  which: keyof typeof openstackClients = 'openstack',
  runner: Runner = runWarm,
): Program => {
  const options = { env: openstackEnv(setting, user), cwd: setting.path('.') }
  return program(openstackClients[which], [], options, runner)
}

/** Fields of what `openstack … -f json` prints. */
export async function fieldsOf(
  openstack: Program,
  args: readonly string[],
): Promise<Record<string, string>> {
  return JSON.parse(await openstack.text([...args, '-f', 'json']))
}

/** Rows of a list that `openstack … -f json` prints. */
export async function rowsOf(
  openstack: Program,
  args: readonly string[],
): Promise<Record<string, string>[]> {
  return JSON.parse(await openstack.text([...args, '-f', 'json']))
}
