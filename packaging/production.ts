// The packages that the program needs at run time, and their needed files: without sources, types, and files
// that were compiled for another machine. The lock file lists the packages, and node_modules must agree with
// it.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'

interface LockedPackage {
  readonly version: string
  readonly license?: string
  readonly dev?: boolean
  readonly optional?: boolean
}

export interface ProductionPackage {
  /** Its path, as `node_modules/koa` or `node_modules/accepts/node_modules/mime-db`. */
  readonly place: string
  readonly version: string
  readonly license: string
}

/**
 * The packages that `npm ci --omit=dev` would install on this machine, sorted by path. Throws where a package
 * is missing, or has another version than in the lock file. Optional packages, for other machines, may be
 * missing.
 */
export function productionPackages(root: string): ProductionPackage[] {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  const locked = Object.entries(lock.packages as Record<string, LockedPackage>)
  const found: ProductionPackage[] = []
  const wrong: string[] = []
  for (const [place, { version, license = 'see its LICENSE', dev, optional }] of locked) {
    if (place === '' || dev === true) continue
    const manifest = join(root, place, 'package.json')
    if (existsSync(manifest)) {
      const installed = JSON.parse(readFileSync(manifest, 'utf8')).version
      if (installed !== version) wrong.push(`${place}: ${installed} instead of ${version}`)
      found.push({ place, version, license })
    } else if (optional !== true) {
      wrong.push(`${place}: not installed`)
    }
  }
  if (wrong.length > 0) {
    throw new Error(`node_modules is not what package-lock.json says, npm ci:\n${wrong.join('\n')}`)
  }
  return found.sort((a, b) => (a.place < b.place ? -1 : 1))
}

/** Extensions of sources, types and build recipes, which Node.js never loads. */
const idleExtensions = new Set(
  ['.ts', '.mts', '.cts', '.map', '.c', '.cc', '.cpp', '.h', '.hpp', '.gyp', '.gypi', '.mk'].concat(
    ['.md', '.markdown', '.html', '.sh', '.tsbuildinfo', '.o', '.d', '.a', '.yml'],
  ),
)

const idleDirectories = new Set(['test', 'tests', 'bench', 'benchmark', 'benchmarks', 'deps'])

const isLicense = (name: string) => /^(licen[cs]e|copying|notice|authors)/i.test(name)

/** True for a file that is needed at run time on this machine. `path` begins at the top of its package. */
export function isNeeded(path: string): boolean {
  const parts = path.split('/')
  const name = parts.at(-1)!
  if (isLicense(name)) return true
  if (parts.length > 1 && idleDirectories.has(parts[0]!)) return false
  // Paths of node-gyp-build: prebuilds/<platform>-<arch>, and build/Release for what was compiled on this
  // machine.
  if (parts[0] === 'prebuilds') {
    return parts[1] === `${process.platform}-${process.arch}` && !name.includes('musl')
  }
  if (parts[0] === 'build' && (parts.includes('obj.target') || parts.includes('.deps')))
    return false
  if (parts[0] === 'build' && parts[1] === 'Release') return extname(name) === '.node'
  if (parts.some((part) => part.startsWith('.')) || name === 'Makefile') return false
  return !idleExtensions.has(extname(name))
}

/** Copies the needed files of all packages from `root` to `target`. Returns the packages. Throws as
 * `productionPackages` does. */
export function copyProduction(root: string, target: string): ProductionPackage[] {
  const packages = productionPackages(root)
  for (const { place } of packages) {
    for (const path of filesOfPackage(join(root, place))) {
      if (!isNeeded(path)) continue
      const copy = join(target, place, path)
      mkdirSync(dirname(copy), { recursive: true })
      copyFileSync(join(root, place, path), copy)
    }
  }
  return packages
}

/** Regular files of one package, by their paths in it, without the packages below it. */
function filesOfPackage(top: string, below = ''): string[] {
  return readdirSync(join(top, below), { withFileTypes: true }).flatMap((entry) => {
    const path = below === '' ? entry.name : `${below}/${entry.name}`
    if (entry.isDirectory()) return path === 'node_modules' ? [] : filesOfPackage(top, path)
    return entry.isFile() ? [path] : []
  })
}
