// Small filesystems, for tests of a disk that is full, goes away or turns read-only.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Runs a command that may need root. Throws with the command's output. */
const run = (command: string, ...args: string[]) =>
  execFileSync(command, args, { stdio: 'pipe', encoding: 'utf8' })

/** The mount point of a tmpfs of so many bytes, which the caller unmounts; null where mounting is not
 * allowed. */
export function mountSmall(name: string, bytes: number): string | null {
  const directory = mkdtempSync(join(tmpdir(), `coffer-${name}-`))
  try {
    run('mount', '-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', directory)
    return directory
  } catch {
    rmdirSync(directory)
    return null
  }
}

/** An ext4 filesystem on a loop device, as a disk that comes and goes. Each method throws with the output of
 * mount(8). */
export interface Disk {
  /** The mount point. */
  readonly directory: string
  mount(): void
  /** `umount`, which fails while a program has a file open there. */
  unmount(): void
  /** `umount -l`: names are gone at once, and open files stay open. */
  unmountByForce(): void
  /** Makes the filesystem read-only, as ext4 does by itself after an error. */
  turnReadOnly(): void
  /** Unmounts the filesystem and removes all. */
  remove(): void
}

/** Makes and mounts a disk, which the caller removes. Null where that is not allowed. */
export function makeDisk(name: string, bytes: number): Disk | null {
  const directory = mkdtempSync(join(tmpdir(), `coffer-${name}-`))
  const image = `${directory}.ext4`
  let device = ''
  const remove = () => {
    // The filesystem may be mounted several times.
    while (tries('umount', '-l', directory));
    if (device !== '') tries('losetup', '--detach', device)
    rmSync(image, { force: true })
    rmdirSync(directory)
  }
  try {
    writeFileSync(image, '')
    truncateSync(image, bytes)
    run('mkfs.ext4', '-q', '-F', image)
    device = run('losetup', '--find', '--show', image).trim()
    run('mount', device, directory)
  } catch {
    remove()
    return null
  }
  return {
    directory,
    mount: () => run('mount', device, directory),
    unmount: () => run('umount', directory),
    unmountByForce: () => run('umount', '-l', directory),
    turnReadOnly: () => run('mount', '-o', 'remount,abort', directory),
    remove,
  }
}

function tries(command: string, ...args: string[]): boolean {
  try {
    run(command, ...args)
    return true
  } catch {
    return false
  }
}
