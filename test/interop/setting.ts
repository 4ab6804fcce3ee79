// What every interop test starts from: a node with TLS, a directory to work in, two customer keys as files,
// and trees of files whose bytes follow from their names, so that nothing has to be kept to compare.
import { createCipheriv, hash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import type { Test } from 'tap'
import { accessKey, secretKey, startNode, type TestNode } from '../helpers/node.ts'

export interface Setting {
  readonly node: TestNode
  /** Empty at first; goes with the test. */
  readonly dir: string
  /** The node's development certificate, which clients are told to trust. */
  readonly ca: string
  readonly key: CustomerKeyFile
  readonly other: CustomerKeyFile
  /** Credentials and region as AWS's tools read them, and nothing that hides a failure by trying again. */
  readonly env: Readonly<Record<string, string>>
  /** A path in `dir`; its directory is made. */
  path(...names: string[]): string
  /** Writes a file of `size` bytes in `dir` and gives its path. */
  file(name: string, size: number): string
}

export interface CustomerKeyFile {
  readonly bytes: Buffer
  /** 32 raw bytes, for `fileb://`. */
  readonly file: string
  readonly base64: string
  readonly md5: string
}

/** Around what is kept in the row, a record, and the 8 MiB from which AWS's tools cut a file into parts. */
export const sizes = [0, 1, 8191, 8192, 8193, 65535, 65536, 65537, 1 << 20, (8 << 20) + 1, 20 << 20]

/** A small tree with the names that clients, URLs and XML stumble over. */
export const tree: Readonly<Record<string, number>> = {
  empty: 0,
  'one byte': 1,
  'a+b & c=d;e,f.txt': 65536,
  '100%/%41/quo\'te"s': 65537,
  'Ünï-cödé/Москва/日本語 🗝.bin': 200_000,
  'e\u0301 decomposed': 12,
  'deep/er/and/deep/er/and/deep/er/still/leaf': 8193,
  'brackets[1]{2}(3)~!@#$^`|': 30,
  'question?mark#hash': 31,
  'large.bin': (8 << 20) + 1,
}

export async function startSetting(
  t: Test,
  overrides: Parameters<typeof startNode>[1] = {},
): Promise<Setting> {
  const node = await startNode(t, overrides)
  const dir = mkdtempSync(join(tmpdir(), 'coffer-interop-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const path = (...names: string[]) => {
    const made = join(dir, ...names)
    mkdirSync(dirname(made), { recursive: true })
    return made
  }
  return {
    node,
    dir,
    ca: join(node.dir, 'tls', 'cert.pem'),
    key: keyFile(path('keys', 'key'), 'key'),
    other: keyFile(path('keys', 'other'), 'another key'),
    env: awsEnv(accessKey, secretKey),
    path,
    file: (name, size) => {
      const file = path(name)
      writeFileSync(file, contentOf(name, size))
      return file
    },
  }
}

export function awsEnv(access: string, secret: string): Record<string, string> {
  return {
    AWS_ACCESS_KEY_ID: access,
    AWS_SECRET_ACCESS_KEY: secret,
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_MAX_ATTEMPTS: '1',
    AWS_PAGER: '',
  }
}

/** A key whose bytes follow from `word`, written to `file`. */
export function keyFile(file: string, word: string): CustomerKeyFile {
  const bytes = hash('sha256', word, 'buffer')
  writeFileSync(file, bytes, { mode: 0o600 })
  return { bytes, file, base64: bytes.toString('base64'), md5: hash('md5', bytes, 'base64') }
}

/** Bytes that do not compress and that no other name has. */
export function contentOf(name: string, size: number): Buffer {
  const stream = createCipheriv('aes-256-ctr', hash('sha256', name, 'buffer'), Buffer.alloc(16))
  return stream.update(Buffer.alloc(size))
}

export function writeTree(root: string, files: Readonly<Record<string, number>>): void {
  for (const [name, size] of Object.entries(files)) {
    const file = join(root, name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, contentOf(name, size))
  }
}

/** Fails unless `root` holds exactly these files with exactly their bytes. */
export function checkTree(t: Test, root: string, files: Readonly<Record<string, number>>): void {
  const found = filesIn(root)
  t.same(found, Object.keys(files).sort(), 'exactly these files')
  for (const name of found) {
    const same = readFileSync(join(root, name)).equals(contentOf(name, files[name] ?? 0))
    t.ok(same, `${name} has its bytes`)
  }
}

/** Paths of all files under `root`, sorted; none where there is no such directory. */
export function filesIn(root: string): string[] {
  let entries: ReturnType<typeof readEntries>
  try {
    entries = readEntries(root)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort()
}

const readEntries = (root: string) => readdirSync(root, { recursive: true, withFileTypes: true })

/** Options of curl for a customer key. */
export function curlKey(key: CustomerKeyFile): string[] {
  const name = 'x-amz-server-side-encryption-customer'
  const values = { algorithm: 'AES256', key: key.base64, 'key-md5': key.md5 }
  return Object.entries(values).flatMap(([field, value]) => ['-H', `${name}-${field}: ${value}`])
}

/** The headers in options of curl, by name. */
export function headersOf(options: readonly string[]): Record<string, string> {
  const lines = options.filter((word) => word !== '-H')
  return Object.fromEntries(lines.map((line) => line.split(': ') as [string, string]))
}
