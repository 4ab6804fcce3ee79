// The library of python-swiftclient; the checks themselves are Python, in swiftclient_checks.py.
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { clientTest, program, swiftClients } from '../helpers/clients.ts'
import { formsOf } from './key-search.ts'
import { startSetting } from './setting.ts'

const checks = fileURLToPath(new URL('swiftclient_checks.py', import.meta.url))
const CHECKS = 14

t.setTimeout(600_000)

clientTest(
  t,
  swiftClients.library,
  "swiftclient's library reads and writes sealed and plain objects",
  async (t) => {
    const setting = await startSetting(t, { ssec: { tls: ['direct', 'loopback'] } })
    const { https, http } = setting.node
    const python = program(swiftClients.library, ['-B', checks], { timeoutMs: 300_000 })
    const printed = await python.text([https, http, setting.ca, setting.dir])
    const lines = printed.trim().split('\n')
    for (const line of lines) t.ok(line.startsWith('ok '), line)
    t.equal(lines.length, CHECKS, 'every check was made')
    const written = Buffer.from(setting.node.logged() + JSON.stringify(setting.node.audited))
    const forms = [setting.key, setting.other].flatMap(({ bytes }) => formsOf(bytes))
    t.notOk(
      forms.some((form) => written.includes(form)),
      'no key is logged',
    )
  },
)
