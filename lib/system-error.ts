// The system's error where a file could not be read, and what it means to an operator. Node's errors and
// LevelDB's, which contain strerror() as text, are read here. A file that may not be read, or not now, is not
// damaged: nothing may be concluded from it, and nothing dropped.
import { readFileSync, type Stats, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

/** The name of an error number, with the file where that is known. */
export interface SystemError {
  /** EACCES, EIO … */
  readonly code: string
  readonly path?: string
}

/** Texts for error numbers in LevelDB's messages: those of glibc and of musl. */
const texts: Readonly<Record<string, string>> = {
  'Permission denied': 'EACCES',
  'Operation not permitted': 'EPERM',
  'Too many open files': 'EMFILE',
  'No file descriptors available': 'EMFILE',
  'Too many open files in system': 'ENFILE',
  'Cannot allocate memory': 'ENOMEM',
  'Out of memory': 'ENOMEM',
  'Input/output error': 'EIO',
  'I/O error': 'EIO',
  'No space left on device': 'ENOSPC',
  'Disk quota exceeded': 'EDQUOT',
  'Quota exceeded': 'EDQUOT',
}

/** LevelDB's message: `IO error: <file>: <text>`, with `lock ` before some files (util/env_posix.cc). */
const LEVELDB = /^IO error: (?:lock )?(?:(.+): )?([^:]+)$/s

/** The system's error in `error` or in its causes; undefined where there is none. */
export function systemErrorOf(error: unknown): SystemError | undefined {
  for (let e = error; e instanceof Error; e = e.cause) {
    const { code, path } = e as NodeJS.ErrnoException
    if (code !== undefined && /^E[A-Z0-9]+$/.test(code)) {
      return path === undefined ? { code } : { code, path }
    }
    const [, file, words = ''] = LEVELDB.exec(e.message) ?? []
    const known = Object.hasOwn(texts, words) ? texts[words] : undefined
    if (known !== undefined)
      return file === undefined ? { code: known } : { code: known, path: file }
  }
  return undefined
}

/** Errors of the disk, which does not return its bytes: EIO, and what drivers and filesystems return in its
 * place. */
const ofDisk = new Set(['EIO', 'EREMOTEIO', 'EBADMSG', 'EUCLEAN', 'EILSEQ', 'ENODATA'])
/** Errors of the process: its rights, and its limits. */
const ofProcess = new Set(['EACCES', 'EPERM', 'EMFILE', 'ENFILE', 'ENOMEM'])

/** True where the disk cannot read its bytes. False where the process may not read them, or could not just
 * now. */
export const isOfDisk = (code: string) => ofDisk.has(code)

/** True for errors that keep an existing file from being read. A full disk is none. */
export const keepsFromReading = (code: string) => ofDisk.has(code) || ofProcess.has(code)

/**
 * The system's error of a read, which proves nothing about the file's content. Undefined for other errors, and
 * for a missing file.
 */
export function readErrorOf(error: unknown): SystemError | undefined {
  const found = systemErrorOf(error)
  return found === undefined || found.code === 'ENOENT' ? undefined : found
}

/** True where `error`, or its cause, is a full disk or a spent quota. */
export function isSpaceError(error: unknown): boolean {
  const code = systemErrorOf(error)?.code
  return code === 'ENOSPC' || code === 'EDQUOT'
}

/** Why the file cannot be read, without its name: `cannot be read (EACCES): owner root, …`. */
export function describeReadError({ code, path }: SystemError): string {
  const why = reasons[code]?.(path)
  return why === undefined ? `cannot be read: ${code}` : `cannot be read (${code}): ${why}`
}

const reasons: Readonly<Record<string, (path?: string) => string>> = {
  EACCES: whoMayNot,
  EPERM: whoMayNot,
  EMFILE: () => 'this process has as many files open as it may',
  ENFILE: () => 'the system has as many files open as it may',
  ENOMEM: () => 'there is not enough memory, or a process may map no more files',
  ...Object.fromEntries(Array.from(ofDisk, (code) => [code, () => 'the disk does not give it'])),
}

const todo: Readonly<Record<string, string>> = {
  EACCES: 'Give the files to the user of this process, or run it as their owner.',
  EMFILE: 'Let this process open more files (LimitNOFILE= in its unit, ulimit -n).',
  ENFILE: 'Let the system open more files (sysctl fs.file-max).',
  ENOMEM: 'Give the machine memory, or processes more maps (sysctl vm.max_map_count).',
  EIO: 'See what the kernel says of the disk, and copy the files to a sound one: what a copy lacks is told as damage then.',
}

/** What an operator can do about an error, as a sentence. No advice loses data. */
export function adviceFor(code: string): string {
  const like = isOfDisk(code) ? 'EIO' : code === 'EPERM' ? 'EACCES' : code
  return todo[like] ?? 'Find out what keeps them from being read.'
}

const READ = 4
const SEARCH = 1

/** The owner of the file or directory that denies access, and the user of this process. */
function whoMayNot(path?: string): string {
  const me = `this process is ${nameOf(process.geteuid?.() ?? -1)}`
  const found = path === undefined ? undefined : hindering(resolve(path))
  if (found === undefined) return me
  const { what, stats } = found
  const mode = (stats.mode & 0o7777).toString(8).padStart(4, '0')
  const whose = `owner ${nameOf(stats.uid)}, mode ${mode}; ${me}`
  return what === '' ? whose : `${what} has ${whose}`
}

/** The first directory above a file whose mode denies access to this process, else the file itself. */
function hindering(path: string): { what: string; stats: Stats } | undefined {
  const above: string[] = []
  for (let at = dirname(path); above[0] !== at; at = dirname(at)) above.unshift(at)
  try {
    for (const directory of above) {
      const stats = statSync(directory)
      if (!mayBy(stats, SEARCH)) return { what: `its directory ${directory}`, stats }
    }
    const stats = statSync(path)
    const isAllowed = mayBy(stats, READ)
    // The cause may be an access list, a mount, SELinux or AppArmor.
    return { what: isAllowed ? 'its mode allows it, something else does not: it' : '', stats }
  } catch {
    return undefined
  }
}

/** Whether mode and owner allow access. The superuser has all rights. */
function mayBy({ mode, uid, gid }: Stats, bit: number): boolean {
  const me = process.geteuid?.()
  if (me === undefined || me === 0) return true
  if (uid === me) return (mode & (bit << 6)) !== 0
  const isMember = process.getegid?.() === gid || process.getgroups?.().includes(gid)
  return (mode & (isMember ? bit << 3 : bit)) !== 0
}

/** The name of a user in /etc/passwd (passwd(5)), else its number. */
function nameOf(uid: number): string {
  try {
    const fields = readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .map((line) => line.split(':'))
    const name = fields.find(([, , number]) => number === String(uid))?.[0]
    if (name !== undefined) return name
  } catch {
    // Without /etc/passwd the number serves as the name.
  }
  return `uid ${uid}`
}
