// A file that may not be read, or not now, is not damaged. A node that cannot read all of its catalog says
// which file and why, scrub reports it as unreadable and not as rotten, and no command drops anything of it. A
// shim returns each error number for every read. The first test has a file of another user, the last a process
// with few descriptors.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { ChildNode } from '../helpers/child-node.ts'
import { buildShim, type ReadFault } from '../helpers/disk-shim.ts'
import { run } from '../helpers/process.ts'
import { asStranger, giveAway, hide, owner, show, stranger } from '../helpers/stranger.ts'
import {
  bodyOf,
  contentOf,
  discards,
  isWhole,
  largest,
  makeNode,
  refuses,
  runOn,
} from '../helpers/unreadable.ts'

t.setTimeout(600_000)

const shim = buildShim(t)
const onShim = typeof shim === 'string' ? { skip: shim } : {}
const faults = ['EACCES', 'EPERM', 'EMFILE', 'ENFILE', 'ENOMEM', 'EIO'] as const

const coffer = (node: ChildNode, ...args: string[]) => runOn(node, shim, ...args)

t.test('a table of the catalog that is another user’s is called so by every command', async (t) => {
  const node = await makeNode(t, shim)
  const catalog = join(node.data, 'catalog')
  const table = largest(catalog, '.ldb')[0]!
  const before = contentOf(catalog)
  giveAway(node.dir)
  hide(table)
  const as = (...args: string[]) =>
    run([...args, '--config', join(node.dir, 'coffer.yaml')], asStranger)
  const saying = new RegExp(
    `cannot be read \\(EACCES\\): owner ${owner}, mode 0\\d00; this process is ${stranger}`,
  )
  refuses(t, 'a start', await as('serve'), saying)
  refuses(t, 'a check of the catalog', await as('fsck'), saying)
  refuses(t, 'a repair', await as('fsck', '--repair'), saying)
  refuses(t, 'going on without it', await as('fsck', '--accept-catalog'), saying)
  const scrubbed = await as('scrub')
  t.match(scrubbed.stdout, saying)
  t.match(scrubbed, { code: 1, stdout: /^unreadable: / }, 'scrub has not read everything')
  t.notMatch(scrubbed.stdout, /rotten|missing|has no row/, 'and calls nothing lost')
  show(table)
  t.equal(contentOf(catalog), before, 'the catalog is what it was')
  t.notOk(readdirSync(node.data).some((name) => name.includes('.damaged')))
  t.match(await as('fsck'), { code: 0 })
  await node.start()
  await isWhole(t, node)
})

t.test('the keyring and the users of another user are called so', async (t) => {
  const node = await makeNode(t, shim)
  giveAway(node.dir)
  const as = (...args: string[]) =>
    run([...args, '--config', join(node.dir, 'coffer.yaml')], asStranger)
  for (const path of [join(node.data, 'keyring'), join(node.dir, 'users.yaml')]) {
    hide(path)
    const saying = new RegExp(`${path}: cannot be read \\(EACCES\\): owner ${owner}, mode 0\\d00;`)
    refuses(t, 'a start', await as('serve'), saying)
    refuses(t, 'a check of the configuration', await as('serve', '--check'), saying)
    show(path)
  }
  const certificate = join(node.data, 'tls', 'cert.pem')
  const kept = readFileSync(certificate)
  hide(certificate)
  refuses(t, 'a start', await as('serve'), /cert\.pem: cannot be read \(EACCES\): owner/)
  show(certificate)
  t.same(readFileSync(certificate), kept, 'a certificate that clients trust is not replaced')
})

t.test('a table of the catalog that cannot be read is told by its error', onShim, async (t) => {
  if (typeof shim === 'string') return
  const node = await makeNode(t, shim)
  const catalog = join(node.data, 'catalog')
  const table = largest(catalog, '.ldb')[0]!
  const before = contentOf(catalog)
  for (const fault of faults) {
    shim.lock(table, fault)
    const saying = new RegExp(`\\.ldb cannot be read \\(${fault}\\): `)
    refuses(t, `${fault}: going on`, await coffer(node, 'fsck', '--accept-catalog'), saying)
    const scrubbed = await coffer(node, 'scrub', '--json')
    const { findings } = JSON.parse(scrubbed.stdout)
    t.equal(scrubbed.code, fault === 'EIO' ? 5 : 1, `${fault}: only a disk is a finding`)
    t.match(findings, [{ where: 'catalog', unreadable: fault }])
    t.equal(findings.length, 1, `${fault}: nothing else is concluded`)
    shim.mend()
    t.equal(contentOf(catalog), before, `${fault}: the catalog is what it was`)
  }
  await node.start()
  await isWhole(t, node)
})

t.test('what else of the catalog cannot be read is not passed over', onShim, async (t) => {
  if (typeof shim === 'string') return
  const node = await makeNode(t, shim)
  // The last writes are in a log, as after a kill.
  await node.start()
  await node.request('PUT', '/bkt/last', { body: 'last' })
  await node.kill('SIGKILL')
  const catalog = join(node.data, 'catalog')
  const before = contentOf(catalog)
  const log = largest(catalog, '.log')[0]!
  const manifest = join(catalog, readFileSync(join(catalog, 'CURRENT'), 'latin1').trim())
  const table = largest(catalog, '.ldb')[0]!
  const breaks: [what: string, fault: ReadFault, hinder: (fault: ReadFault) => void][] = [
    ['CURRENT', 'EACCES', (fault) => shim.lock(join(catalog, 'CURRENT'), fault)],
    ['a manifest', 'EMFILE', (fault) => shim.lock(manifest, fault)],
    ['a log', 'EACCES', (fault) => shim.lock(log, fault)],
    ['the end of a log', 'EIO', (fault) => shim.spoil(log, 0, fault)],
    ['the middle of a table', 'EIO', (fault) => shim.spoil(table, 0, fault)],
    ['a table for a moment', 'ENOMEM', (fault) => shim.spoil(table, 0, fault)],
  ]
  for (const [what, fault, hinder] of breaks) {
    hinder(fault)
    const saying = new RegExp(`cannot be read \\(${fault}\\): `)
    refuses(t, `going on without ${what}`, await coffer(node, 'fsck', '--accept-catalog'), saying)
    shim.mend()
    t.equal(contentOf(catalog), before, `without ${what} the catalog is what it was`)
  }
  await node.start()
  await isWhole(t, node)
  t.equal((await node.request('GET', '/bkt/last')).body.toString(), 'last')
})

t.test('a process that may open few files loses nothing', async (t) => {
  const node = await makeNode(t, shim)
  await node.start()
  await node.request('PUT', '/bkt/last', { body: bodyOf('last') })
  await node.kill('SIGKILL')
  const config = ['--config', join(node.dir, 'coffer.yaml')]
  let refused = 0
  for (let openFilesMax = 20; openFilesMax < 48; openFilesMax += 4) {
    const { code, stdout, stderr } = await run(['status', ...config], { openFilesMax })
    t.notMatch(stdout + stderr, discards, `${openFilesMax} files`)
    if (code !== 0) refused++
  }
  t.ok(refused > 0, 'there are limits that are too low')
  await node.start()
  await isWhole(t, node)
  t.ok((await node.request('GET', '/bkt/last')).body.equals(bodyOf('last')))
})
