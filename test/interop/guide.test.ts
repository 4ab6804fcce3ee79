// docs/guide.md, pasted: each of its blocks as it stands, in one shell, on a node that was just started for the first
// time, over TLS.
import { copyFileSync, mkdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  type Client,
  clients,
  clientTest,
  mcClients,
  openstackClients,
  run,
  swiftClients,
} from '../helpers/clients.ts'
import { printedAddress, writeIdentityConfig } from '../helpers/identity-process.ts'
import { shellBlocks } from '../helpers/pages.ts'
import { root, scratch, start } from '../helpers/process.ts'

t.setTimeout(1_800_000)

const { old: mcOld, new: mcNew } = mcClients
const hasMc = mcOld.command !== undefined && mcNew.command !== undefined

/** Which mc the block is for; undefined for a block without mc. */
const mcOf = (block: string) => {
  if (!block.includes('guide_mc')) return undefined
  return block.includes('--encrypt-key') ? mcOld : mcNew
}

/** The page's blocks, those of mc each for its release; without those where mc is not installed. */
const blocksToRun = () =>
  shellBlocks('docs/guide.md').flatMap((block) => {
    const mc = mcOf(block)
    if (mc === undefined) return [block]
    return hasMc ? [`mc() { '${mc.command}' "$@"; }\n${block}`] : []
  })

clientTest(t, [mcOld, mcNew], 'the guide’s blocks of mc are run too', async (t) => {
  const named = shellBlocks('docs/guide.md').flatMap((block) => mcOf(block)?.name ?? [])
  t.same(named.toSorted(), [mcNew.name, mcOld.name], 'one for each release')
})

/** How much of the page is run with each awscli: what follows the last line of `aws` is the same with both. */
const runs = [
  { awscli: clients.awscliDebian, isWhole: true },
  { awscli: clients.awscliPypi, isWhole: false },
]

for (const { awscli, isWhole } of runs) {
  const { curl, gpg, rclone, s3cmd } = clients
  const { openstack, barbican } = openstackClients
  const needed: Client[] = [
    awscli,
    curl,
    gpg,
    rclone,
    s3cmd,
    openstack,
    barbican,
    swiftClients.swift,
  ]
  const what = isWhole ? 'the guide' : 'the guide up to its last line of aws'
  clientTest(t, needed, `${what} works as it stands, with ${awscli.name}`, async (t) => {
    const cwd = scratch(t)
    const elsewhere = scratch(t)
    copyFileSync(join(root, '.gitignore'), join(cwd, '.gitignore'))
    const config = writeIdentityConfig(elsewhere)
    const node = await start(t, ['--config', config, '--data', 'data'], { cwd })
    const bin = join(elsewhere, 'bin')
    mkdirSync(bin)
    symlinkSync(awscli.command!, join(bin, 'aws'))
    const all = blocksToRun()
    const usesAws = (block: string) => block.includes('guide_aws')
    const blocks = isWhole ? all : all.slice(0, all.findLastIndex(usesAws) + 1)
    t.ok(all.length > 12, 'the page has its blocks')
    t.ok(blocks.filter(usesAws).length > 4, 'and those of aws are among them')
    const script = ['set -e', `PATH='${bin}':"$PATH"`, '. data/first-secrets']
      .concat(blocks.flatMap((block, i) => [`echo '== ${i}'`, block]))
      .join('\n')
      .replaceAll('127.0.0.1:8443', new URL(node.https).host)
      .replaceAll('127.0.0.1:5000', printedAddress(node, 'Identity').host)
      .replaceAll('127.0.0.1:9311', printedAddress(node, 'Keys').host)
    const options = { cwd, env: { HOME: elsewhere }, timeoutMs: 800_000 }
    const { code, stdout, stderr } = await run('bash', ['-c', script], options)
    const said = stdout.toString()
    t.equal(code, 0, 'every line succeeds', {
      detail: `${said.slice(-1500)}\n${stderr.slice(-3000)}`,
    })
    const shown = new Map(said.split(/^== /m).map((text) => [Number.parseInt(text, 10), text]))
    t.match(shown.get(0), /^main$/m, 'the token is of the project')
    for (const name of ['keystone', 'swift', 's3', 'barbican']) {
      t.match(shown.get(0), new RegExp(`^${name}$`, 'm'))
    }
    t.match(said, /^refused$/m, 'without its key an object is refused')
    t.match(said, /^world$/m, 'a presigned URL gives what it names')
    if (isWhole) t.match(said, /^member alice@Default$/m)
    const key = readFileSync(join(cwd, 'try/guide.key'), 'latin1')
    t.match(key, /^[0-9a-f]{32}$/)
    t.equal(statSync(join(cwd, 'try/guide.key')).mode & 0o077, 0)
    t.notMatch(node.stdout(), key, 'the log has no key')
    const git = await run('bash', ['-c', 'git init -q . && git add . && git ls-files'], { cwd })
    t.equal(git.stdout.toString(), '.gitignore\n', 'git add takes none of it')
  })
}
