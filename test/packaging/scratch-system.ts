// This machine's system with a layer over it that is thrown away: an overlay in a mount namespace of its own, and
// chroot. A package is installed, used and removed there by the real dpkg, with real users, and the machine stays as
// it is. Needs root and a kernel that lets it; where that is not so, the caller is told why.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Finished, run } from '../helpers/clients.ts'
import '../helpers/plain-children.ts'

type Teardown = { teardown(fn: () => void | Promise<void>): unknown }

/** $1: a directory for the layer, $2: a file that appears as /$3 in the system, which is then $1/root. */
const LAYER = `set -e
mount -t tmpfs -o size=2g,mode=0755 coffer-test "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
cp "$2" "$1/root/$3"
`

const CHROOT = `${LAYER}
mount -t proc proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
mount -t tmpfs -o mode=0755 run "$1/root/run"
chroot "$1/root" dpkg --version >&2
echo ready
exec sleep infinity
`

/** With systemd as its first process, in a control group of its own, and with no network but a loopback. Services of
 * this machine are not started. */
const BOOT = `${LAYER}
find "$1/root/etc/systemd/system" -path '*.wants/*' -delete
# A machine may forbid packages to start and stop services; here they shall.
rm -f "$1/root/usr/sbin/policy-rc.d"
groups=/sys/fs/cgroup
[ ! -d $groups/systemd ] || groups=$groups/systemd
mkdir -p $groups/coffer-boot
echo $$ > $groups/coffer-boot/cgroup.procs
echo ready
exec systemd-nspawn --quiet --directory="$1/root" --boot --private-network --register=no --keep-unit \\
  --link-journal=no --machine=coffer-boot --console=pipe >&2
`

export interface ScratchSystem {
  /** Runs a line of shell as root; Finished has its exit code. */
  sh(line: string): Promise<Finished>
  /** Standard output, trimmed. Throws with what it said where it fails. */
  text(line: string): Promise<string>
  /** Starts a line of shell; `exec` in it makes the child the program itself. The test ends it. */
  start(line: string): ChildProcess
}

/** Makes the system, with `file` as /`name` in it; or tells why it cannot be made here. It goes with the test. */
export async function scratchSystem(
  t: Teardown,
  file: string,
  name: string,
): Promise<ScratchSystem | string> {
  const kept = await keep(t, CHROOT, file, name)
  if (typeof kept === 'string') return kept
  return systemIn(t, [`--mount=/proc/${kept.pid}/ns/mnt`, 'chroot', join(kept.layer, 'root')])
}

/** The same, booted: the unit of a package can be run. Needs systemd-nspawn, too. */
export async function bootedSystem(
  t: Teardown,
  file: string,
  name: string,
): Promise<ScratchSystem | string> {
  const groups = ['/sys/fs/cgroup', '-depth', '-type', 'd', '-path', '*/coffer-boot*', '-delete']
  t.teardown(async () => {
    // What was in them ends a moment after the process that began it.
    while ((await run('find', groups)).code !== 0) await sleep(100)
  })
  const kept = await keep(t, BOOT, file, name)
  if (typeof kept === 'string') return kept
  // What nspawn starts first ends again: the system is that of the child in which systemd listens.
  const children = `/proc/${kept.pid}/task/${kept.pid}/children`
  while (existsSync(children)) {
    const leader = readFileSync(children, 'utf8').trim()
    const system = systemIn(t, ['--target', leader, '--all', '--root'])
    const isListening = 'test -S /run/systemd/private && systemctl is-system-running --wait'
    if (leader !== '' && /running|degraded/.test(`${(await system.sh(isListening)).stdout}`)) {
      return system
    }
    await sleep(100)
  }
  return `systemd does not boot here: ${kept.said()}`
}

interface Kept {
  readonly pid: number
  readonly layer: string
  readonly said: () => string
}

/** Runs the script in a mount namespace of its own until the test ends. */
async function keep(
  t: Teardown,
  script: string,
  file: string,
  name: string,
): Promise<Kept | string> {
  if (process.getuid?.() !== 0) return 'a scratch system needs root'
  const layer = mkdtempSync(join(tmpdir(), 'coffer-system-'))
  const args = ['--mount', 'sh', '-c', script, 'sh', layer, file, name]
  const keeper = spawn('unshare', args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const gone = new Promise<void>((resolve) => {
    keeper.once('error', () => resolve())
    keeper.once('close', () => resolve())
  })
  t.teardown(async () => {
    keeper.kill('SIGKILL')
    await gone
    rmdirSync(layer)
  })
  let said = ''
  keeper.stderr.setEncoding('utf8').on('data', (text) => {
    said += text
  })
  const ready = once(keeper.stdout, 'data').then(() => true)
  if (!(await Promise.race([ready, gone.then(() => false)]))) {
    return `a scratch system cannot be made here: ${said.trim()}`
  }
  return { pid: keeper.pid!, layer, said: () => said.trim() }
}

/** What runs in the namespaces that `enter` names, in the words of nsenter(1). */
function systemIn(t: Teardown, enter: readonly string[]): ScratchSystem {
  // The directory that nsenter(1) was called in is not there.
  const inside = (line: string) => [...enter, 'sh', '-c', `cd /\n${line}`]
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', DEBIAN_FRONTEND: 'noninteractive' }
  const sh = (line: string) => run('nsenter', inside(line), { env, cwd: '/' })
  return {
    sh,
    async text(line) {
      const { code, stdout, stderr } = await sh(line)
      if (code !== 0) throw new Error(`${line}: exit code ${code}: ${stderr}${stdout}`)
      return stdout.toString().trim()
    },
    start(line) {
      const child = spawn('nsenter', inside(line), { env, cwd: '/' })
      const closed = once(child, 'close')
      t.teardown(async () => {
        child.kill('SIGKILL')
        await closed
      })
      return child
    },
  }
}
