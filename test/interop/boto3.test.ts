// boto3 and its transfer manager; the checks themselves are Python, in boto3_checks.py.
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { clients, clientTest, program } from '../helpers/clients.ts'
import { formsOf } from './key-search.ts'
import { startSetting } from './setting.ts'

const checks = fileURLToPath(new URL('boto3_checks.py', import.meta.url))
const CHECKS = 12

t.setTimeout(600_000)

clientTest(t, clients.boto3, 'boto3 reads and writes sealed and plain objects', async (t) => {
  const setting = await startSetting(t, {
    ssec: { tls: ['direct', 'loopback'] },
    domains: ['localhost'],
  })
  const { https, http } = setting.node
  const python = program(clients.boto3, ['-B', checks], { env: setting.env, timeoutMs: 300_000 })
  const printed = await python.text([https, http, setting.ca, setting.dir])
  const lines = printed.trim().split('\n')
  for (const line of lines) t.ok(line.startsWith('ok '), line)
  t.equal(lines.length, CHECKS, 'every check was made')
  // Its presigned URLs of version 2 carry the key in the query.
  const written = Buffer.from(setting.node.logged() + JSON.stringify(setting.node.audited))
  const forms = [setting.key, setting.other].flatMap(({ bytes }) => formsOf(bytes))
  t.notOk(
    forms.some((form) => written.includes(form)),
    'no key is logged',
  )
})
