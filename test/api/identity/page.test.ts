// docs/identity.md lists the routes that there are, and no others.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { KEPT_MAX } from '../../../lib/keymanager/keep.ts'
import { PAYLOAD_BYTES_MAX } from '../../../lib/keymanager/secrets.ts'
import { identityRoutes } from '../../../middleware/identity/index.ts'
import { LIST_MAX } from '../../../middleware/identity/views.ts'
import { keymanagerRoutes } from '../../../middleware/keymanager/index.ts'
import { root } from '../../helpers/process.ts'

const page = readFileSync(join(root, 'docs/identity.md'), 'utf8')

/** First cells of the table of a section. */
function listed(heading: string): string[] {
  const section = page.split(/^(?=## )/m).find((text) => text.startsWith(`${heading}\n`))!
  return [...section.matchAll(/^\| `([A-Z]+ [^`]+)` \| (?:yes|partly) \| .*\|$/gm)].map(
    (match) => match[1]!,
  )
}

t.test('the page has each route once, and no other', async (t) => {
  for (const [heading, routes] of [
    ['## Identity', identityRoutes],
    ['## Keys', keymanagerRoutes],
  ] as const) {
    const paths = routes.map(({ method, path }) => `${method} ${path}`)
    t.ok(paths.length > 30, heading)
    t.strictSame(listed(heading).sort(), paths.sort(), heading)
  }
})

t.test('the limits of the page are those of the code', async (t) => {
  for (const limit of [KEPT_MAX, PAYLOAD_BYTES_MAX, LIST_MAX]) {
    t.match(page, limit.toLocaleString('en'))
  }
})
