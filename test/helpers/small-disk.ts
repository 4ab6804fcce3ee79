// Small filesystems of their own, for tests of what happens when a disk is full, goes away or turns read-only.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Runs a command that may only work for root; throws with what it said. */
const run = (command: string, ...args: string[]) =>
  execFileSync(command, args, { stdio: 'pipe', encoding: 'utf8' })

/** Where a tmpfs of so many bytes is mounted, or null where none may be: whoever gets one unmounts it. */
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

/** An ext4 filesystem on a loop device, as a disk that comes and goes. Each method throws what mount(8) says. */
export interface Disk {
  /** The mount point. */
  readonly directory: string
  mount(): void
  /** `umount`, which a program that has a file open there does not let happen. */
  unmount(): void
  /** `umount -l`: at once for whoever looks for a name; what is open stays open. */
  unmountByForce(): void
  /** What ext4 does to itself when it meets an error: from now on nothing can be written. */
  turnReadOnly(): void
  /** Unmounts what is mounted and removes all. */
  remove(): void
}

/** Makes and mounts one, or returns null where that is not allowed: whoever gets one removes it. */
export function makeDisk(name: string, bytes: number): Disk | null {
  const directory = mkdtempSync(join(tmpdir(), `coffer-${name}-`))
  const image = `${directory}.ext4`
  let device = ''
  const remove = () => {
    // As often as it was mounted, one above the other.
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
