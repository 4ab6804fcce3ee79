// This machine's system with a layer over it that is thrown away: an overlay in a mount namespace of its own, and
// chroot. A package is installed, used and removed there by the real dpkg, with real users, and the machine stays as
// it is. Needs root and a kernel that lets it; where that is not so, the caller is told why.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Finished, run } from '../helpers/clients.ts'

type Teardown = { teardown(fn: () => void | Promise<void>): unknown }

/** $1: a directory for the layer, $2: a file that appears as /$3 in the system. */
const SET_UP = `set -e
mount -t tmpfs -o size=2g,mode=0755 coffer-test "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
mount -t proc proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
mount -t tmpfs -o mode=0755 run "$1/root/run"
cp "$2" "$1/root/$3"
chroot "$1/root" dpkg --version >&2
echo ready
exec sleep infinity
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
  if (process.getuid?.() !== 0) return 'a scratch system needs root'
  const layer = mkdtempSync(join(tmpdir(), 'coffer-system-'))
  const args = ['--mount', 'sh', '-c', SET_UP, 'sh', layer, file, name]
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
  const inside = (line: string) => [
    `--mount=/proc/${keeper.pid}/ns/mnt`,
    ...['chroot', join(layer, 'root'), 'sh', '-c', line],
  ]
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
