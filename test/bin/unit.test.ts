// The systemd unit: systemd itself finds nothing wrong with it, and what protects keys is there.
import { execFile } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { root, scratch } from '../helpers/process.ts'

const unit = readFileSync(join(root, 'etc/systemd/coffer.service'), 'utf8')
const analyze = '/usr/bin/systemd-analyze'
// CI installs it, and does not skip.
const required = process.env.COFFER_REQUIRE_CLIENTS === '1'
const skip = existsSync(analyze) || required ? false : 'systemd-analyze is not installed'

/** What systemd says of a unit whose programs are where this checkout is, on a node that surely exists. */
async function verify(t: Parameters<typeof scratch>[0], text: string): Promise<string[]> {
  const here = text
    .replaceAll('/opt/coffer/node_modules/.bin/node', process.execPath)
    .replaceAll('/opt/coffer', root)
    .replace(/^(User|Group)=.*$/gm, '$1=root')
  const file = join(scratch(t), 'coffer.service')
  writeFileSync(file, here)
  const { stdout, stderr } = await promisify(execFile)(analyze, ['verify', '--man=no', file])
  return `${stdout}${stderr}`.split('\n').filter((line) => line.includes('coffer'))
}

t.test('systemd-analyze verify has nothing to say', { skip }, async (t) => {
  t.same(await verify(t, unit), [])
  const wrong = await verify(t, unit.replace('[Service]', '[Service]\nLimitCor=0'))
  t.match(wrong.join(), /Unknown key.*LimitCor/, 'and would say it')
})

t.test(
  'it is started when it serves; no core file, new privileges or writable system',
  async (t) => {
    for (const line of [
      'Type=notify',
      'NotifyAccess=all',
      'LimitCORE=0',
      'MemorySwapMax=0',
      'MemoryMax=75%',
      'NoNewPrivileges=yes',
      'ProtectSystem=strict',
      'StateDirectoryMode=0700',
      'UMask=0077',
      'MemoryDenyWriteExecute=no',
      'Environment=MALLOC_MMAP_THRESHOLD_=67108864',
      'Environment=MALLOC_ARENA_MAX=2',
    ]) {
      t.ok(unit.split('\n').includes(line), line)
    }
  },
)

t.test('it is started behind the disks, the network and the clock', async (t) => {
  // Of time-sync.target systemd.special(7) says: order behind it, do not pull it in.
  t.match(unit, /^After=network-online\.target local-fs\.target time-sync\.target$/m)
})

t.test('every file of the program that the unit starts exists', async (t) => {
  const programs = [...unit.matchAll(/\/opt\/coffer\/(\S+\.(?:ts|md))/g)].map((match) => match[1]!)
  t.ok(programs.length >= 4)
  for (const path of programs) t.ok(existsSync(join(root, path)), path)
  t.ok(existsSync(join(root, dirname('node_modules/.bin/node'), 'node')))
})
