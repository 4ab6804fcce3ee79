// Projects, users and roles, made and changed through the identity service: by whom, and what it means for those who log
// in.
import t from 'tap'
import { administrators, startIdentityNode } from '../../helpers/identity.ts'

async function startAdministered(t: Parameters<typeof startIdentityNode>[0]) {
  const started = await startIdentityNode(t)
  started.node.replaceUsers(administrators)
  const root = await started.tokenOf('root', 'root-pass')
  const admin = await started.tokenOf('tester', 'testing')
  return { ...started, root, admin }
}

t.test('a user that is made here logs in, and owns what its role says', async (t) => {
  const { node, ask, login, tokenOf, root } = await startAdministered(t)
  const project = await ask('POST', '/v3/projects', {
    token: root,
    body: { project: { name: 'p1', description: 'first', domain_id: 'default' } },
  })
  t.equal(project.status, 201, project.text)
  t.match(project.json.project, { id: 'p1', name: 'p1', description: 'first', enabled: true })
  const made = await ask('POST', '/v3/users', {
    token: root,
    body: { user: { name: 'alice', password: 'secret1', default_project_id: 'p1' } },
  })
  t.equal(made.status, 201, made.text)
  t.match(made.json.user, { id: 'p1:alice', name: 'alice', default_project_id: 'p1' })
  t.notMatch(made.text, 'secret1')
  const put = async (token: string) =>
    (
      await node.request('PUT', '/v1/AUTH_p1/c', {
        sign: false,
        headers: { 'x-auth-token': token },
      })
    ).status
  t.equal(await put(await tokenOf('alice', 'secret1')), 403, 'a user without a role owns nothing')
  const role = '/v3/projects/p1/users/p1:alice/roles/member'
  t.equal((await ask('PUT', role, { token: root })).status, 204)
  t.equal((await ask('HEAD', role, { token: root })).status, 204)
  const token = await tokenOf('alice', 'secret1', 'p1')
  t.equal(await put(token), 201, 'a member owns the account of its project')
  await node.restart()
  t.equal(await put(token), 202, 'after a restart too')
  t.equal((await ask('DELETE', role, { token: root })).status, 204)
  t.equal((await ask('HEAD', role, { token: root })).status, 404)
  t.equal(await put(token), 403, 'a role that is taken away is gone for tokens that there are')
  t.equal((await login('alice', 'wrong', 'p1')).status, 401)
  const v1 = await node.request('GET', '/auth/v1.0', {
    sign: false,
    headers: { 'x-auth-user': 'p1:alice', 'x-auth-key': 'secret1' },
  })
  t.equal(v1.status, 200, 'Swift’s own login has the same users')
})

t.test('a password that is changed, and a user that is disabled, end tokens', async (t) => {
  const { ask, login, tokenOf, root } = await startAdministered(t)
  const body = { user: { name: 'bob', password: 'one', default_project_id: 'test' } }
  await ask('POST', '/v3/users', { token: root, body })
  const lives = async (token: string) => (await ask('GET', '/v3/auth/projects', { token })).status
  const first = await tokenOf('bob', 'one')
  const patch = (user: object) =>
    ask('PATCH', '/v3/users/test:bob', { token: root, body: { user } })
  t.equal(await lives(first), 200)
  t.equal((await patch({ password: 'two' })).status, 200)
  t.equal(await lives(first), 401)
  const second = await tokenOf('bob', 'two')
  t.match((await patch({ enabled: false, email: 'b@example.com' })).json.user, {
    enabled: false,
    email: 'b@example.com',
  })
  t.equal(await lives(second), 401)
  t.equal((await login('bob', 'two')).status, 401)
  await patch({ enabled: true })
  t.equal(await lives(second), 200)
  const own = (original_password: string) =>
    ask('POST', '/v3/users/test:bob/password', {
      token: second,
      body: { user: { password: 'three', original_password } },
    })
  t.equal((await own('wrong')).status, 401)
  t.equal((await own('two')).status, 204)
  t.ok(await tokenOf('bob', 'three'))
  t.equal((await ask('DELETE', '/v3/users/test:bob', { token: root })).status, 204)
  t.equal((await login('bob', 'three')).status, 401)
  t.equal((await ask('GET', '/v3/users/test:bob', { token: root })).status, 404)
})

t.test('a project that is disabled lets nobody in', async (t) => {
  const { ask, login, tokenOf, root } = await startAdministered(t)
  await ask('POST', '/v3/projects', { token: root, body: { project: { name: 'p2' } } })
  const body = { user: { name: 'carol', password: 'x1', default_project_id: 'p2' } }
  await ask('POST', '/v3/users', { token: root, body })
  const token = await tokenOf('carol', 'x1')
  const patch = (project: object) =>
    ask('PATCH', '/v3/projects/p2', { token: root, body: { project } })
  t.match((await patch({ enabled: false })).json.project, { enabled: false })
  t.equal((await login('carol', 'x1')).status, 401)
  t.equal((await ask('GET', '/v3/auth/projects', { token })).status, 401)
  t.equal((await patch({ name: 'p3' })).status, 400, 'a project keeps its name')
  t.equal((await ask('DELETE', '/v3/projects/p2', { token: root })).status, 409, 'it has a user')
  t.equal((await ask('DELETE', '/v3/users/p2:carol', { token: root })).status, 204)
  t.equal((await ask('DELETE', '/v3/projects/p2', { token: root })).status, 204)
  t.equal((await ask('GET', '/v3/projects/p2', { token: root })).status, 404)
})

t.test('a name is there once, in the file and in the catalog together', async (t) => {
  const { node, ask, login, root } = await startAdministered(t)
  const user = (name: string, project: string) =>
    ask('POST', '/v3/users', {
      token: root,
      body: { user: { name, password: 'row', default_project_id: project } },
    })
  t.equal((await user('tester', 'test')).status, 409)
  t.equal((await user('dave', 'test')).status, 201)
  t.equal((await user('dave', 'test')).status, 409)
  t.equal((await user('dave', 'other')).status, 201, 'in another project it is another user')
  t.equal((await user('dave', 'nowhere')).status, 404)
  const project = (name: string) =>
    ask('POST', '/v3/projects', { token: root, body: { project: { name } } })
  t.equal((await project('test')).status, 409)
  const { accounts } = administrators
  const written = { name: 'dave', password: 'file', roles: [] }
  node.replaceUsers({
    accounts: accounts.map((each) =>
      each.id === 'test' ? { ...each, users: [...each.users, written] } : each,
    ),
  })
  t.equal((await login('dave', 'row', 'test')).status, 401, 'the file’s hides the catalog’s')
  t.equal((await login('dave', 'file', 'test')).status, 201)
  const listed = await ask('GET', '/v3/users?name=dave&default_project_id=test', { token: root })
  t.equal(listed.json.users.length, 1)
})

t.test('users and projects of the file are seen, and not changed', async (t) => {
  const { ask, root } = await startAdministered(t)
  t.match((await ask('GET', '/v3/users/test:tester', { token: root })).json.user, {
    name: 'tester',
  })
  const body = { user: { password: 'other' } }
  const changes = [
    await ask('PATCH', '/v3/users/test:tester', { token: root, body }),
    await ask('DELETE', '/v3/users/test:tester', { token: root }),
    await ask('PUT', '/v3/projects/test/users/test:tester/roles/member', { token: root }),
    await ask('DELETE', '/v3/projects/test', { token: root }),
    await ask('PATCH', '/v3/projects/test', { token: root, body: { project: { enabled: false } } }),
  ]
  for (const { status, json } of changes) {
    t.equal(status, 403)
    t.match(json.error.message, 'users.yaml')
  }
})

t.test('who owns a project manages its users, and nothing beyond it', async (t) => {
  const { ask, admin, root, tokenOf } = await startAdministered(t)
  const make = (token: string, user: object) => ask('POST', '/v3/users', { token, body: { user } })
  const eve = await make(admin, { name: 'eve', password: 'e' })
  t.match(eve.json.user, { id: 'test:eve' }, 'a user is of the caller’s own project by default')
  const grant = (token: string, role: string, user = 'test:eve', project = 'test') =>
    ask('PUT', `/v3/projects/${project}/users/${user}/roles/${role}`, { token })
  t.equal((await grant(admin, 'member')).status, 204)
  t.equal((await grant(admin, 'reseller_admin')).status, 403, 'no role beyond the project')
  t.equal((await grant(admin, 'admin', 'other:other', 'other')).status, 404)
  t.equal((await make(admin, { name: 'x', default_project_id: 'other' })).status, 403)
  t.equal(
    (await ask('POST', '/v3/projects', { token: admin, body: { project: { name: 'q' } } })).status,
    403,
  )
  t.equal((await ask('GET', '/v3/users/other:other', { token: admin })).status, 404)
  t.equal((await ask('GET', '/v3/projects/other', { token: admin })).status, 404)
  const names = (answer: { json: { users: { id: string }[] } }) =>
    answer.json.users.map(({ id }) => id)
  t.strictSame(names(await ask('GET', '/v3/users', { token: admin })), ['test:tester', 'test:eve'])
  t.ok(names(await ask('GET', '/v3/users', { token: root })).includes('other:other'))
  const member = await tokenOf('eve', 'e')
  t.strictSame(names(await ask('GET', '/v3/users', { token: member })), ['test:eve'])
  t.equal((await make(member, { name: 'y' })).status, 403)
  t.equal((await grant(member, 'admin')).status, 403)
  await make(root, { name: 'far', password: 'f', default_project_id: 'test' })
  t.equal((await grant(root, 'reseller_admin', 'test:far')).status, 204)
  const far = '/v3/users/test:far'
  const body = { user: { password: 'taken' } }
  t.equal((await ask('PATCH', far, { token: admin, body })).status, 403, 'no way to a wider role')
  t.equal((await ask('DELETE', far, { token: admin })).status, 403)
  t.equal((await ask('POST', `${far}/credentials/OS-EC2`, { token: admin, body: {} })).status, 403)
})

t.test('roles and who has them are listed', async (t) => {
  const { ask, root, admin } = await startAdministered(t)
  const all = await ask('GET', '/v3/roles', { token: admin })
  for (const role of ['admin', 'member', 'creator']) {
    t.ok(
      all.json.roles.some(({ name }: { name: string }) => name === role),
      role,
    )
  }
  t.match((await ask('GET', '/v3/roles/member', { token: admin })).json.role, { id: 'member' })
  t.equal((await ask('GET', '/v3/roles/nothing', { token: admin })).status, 404)
  t.match((await ask('GET', '/v3/roles?name=creator', { token: admin })).json.roles, [
    { id: 'creator' },
  ])
  const query = '?user.id=ops:root&include_names=True'
  t.strictSame(
    (await ask('GET', `/v3/role_assignments${query}`, { token: root })).json.role_assignments.map(
      ({ role, user, scope }: Record<string, Record<string, unknown>>) => [
        role!.name,
        user!.name,
        (scope!.project as { name: string }).name,
      ],
    ),
    [
      ['admin', 'root', 'ops'],
      ['reseller_admin', 'root', 'ops'],
    ],
  )
  const own = await ask('GET', '/v3/projects/test/users/test:tester/roles', { token: admin })
  t.match(own.json.roles, [{ name: 'admin' }])
})

t.test('names that no account or user can have are refused', async (t) => {
  const { ask, root } = await startAdministered(t)
  for (const name of ['', 'a/b', 'a:b', ' a', 'a\u0000', 'x'.repeat(300)]) {
    const body = { project: { name } }
    t.equal((await ask('POST', '/v3/projects', { token: root, body })).status, 400, name)
  }
  for (const user of [
    { name: 'a/b', password: 'x' },
    { name: 'ok', password: '' },
    { name: 'ok', password: 'x'.repeat(2000) },
    { name: 'ok', password: 5 },
    { name: 'ok', domain_id: 'else' },
    { password: 'x' },
  ]) {
    const answer = await ask('POST', '/v3/users', { token: root, body: { user } })
    t.equal(answer.status, 400, JSON.stringify(user).slice(0, 60))
  }
})
