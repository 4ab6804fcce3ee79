// The rules of ARCHITECTURE.md as a test: layers, lengths, dead files, leftovers. Each failure names the
// file and the line. A rule that has to be broken is changed here, with its reason, not worked round.
import { dirname, join } from 'node:path'
import t from 'tap'
import { layers } from './helpers/layers.ts'
import {
  files,
  find,
  type Import,
  imports,
  importsOf,
  sources,
  targetsOf,
  textOf,
  texts,
  within,
  withoutComment,
} from './helpers/sources.ts'

const shown = ({ file, line, target }: Import) => `${file}:${line}: imports ${target}`
const isDecrypt = (file: string) => file === 'bin/decrypt.ts' || file.startsWith('bin/decrypt/')

t.test('the sources are there to be looked at', async (t) => {
  t.ok(sources.length > 50, `${sources.length} sources`)
  t.ok(imports.length > 200, `${imports.length} imports`)
})

t.test('imports go one way: bin, middleware, lib', async (t) => {
  const allowed: Record<string, readonly string[]> = {
    lib: ['lib'],
    middleware: ['middleware', 'lib'],
    bin: ['bin', 'middleware', 'lib'],
    packaging: ['packaging', 'bin', 'middleware', 'lib'],
    bench: ['bench', 'bin', 'middleware', 'lib', 'test'],
    test: ['test', 'bin', 'middleware', 'lib', 'bench', 'packaging'],
  }
  const wrong = imports.filter(({ file, target }) => {
    const top = target.split('/')[0]!
    return target.endsWith('.ts') && !allowed[file.split('/')[0]!]!.includes(top)
  })
  t.same(wrong.map(shown), [])
})

const layerOf = (file: string) => (Object.hasOwn(layers, file) ? file : dirname(file))

t.test('inside lib, each part imports only what is below it', async (t) => {
  const used = new Set<string>()
  const wrong = imports.filter(({ file, target }) => {
    if (!file.startsWith('lib/') || !target.startsWith('lib/')) return false
    const [from, to] = [layerOf(file), layerOf(target)]
    if (from === to) return false
    const allowed = (layers[from] ?? []).filter((entry) => entry === to || entry === target)
    for (const entry of allowed) used.add(`${from}: ${entry}`)
    return allowed.length === 0
  })
  t.same(wrong.map(shown), [])
  const rows = Object.entries(layers).flatMap(([from, to]) => to.map((each) => `${from}: ${each}`))
  t.same(
    rows.filter((row) => !used.has(row)),
    [],
    'no row allows what nobody needs',
  )
})

t.test('only the composition root and the commands pick the engine', async (t) => {
  const roots = ['lib/leveldb/engine.ts', 'lib/open-catalog.ts', 'lib/coffer.ts']
  const others = within('lib', 'middleware').filter((file) => !roots.includes(file))
  t.same(find(others, /\bclassicEngine\b/), [])
})

t.test('neither dialect imports the other', async (t) => {
  const wrong = imports.filter(
    ({ file, target }) =>
      (file.startsWith('middleware/s3/') && target.startsWith('middleware/swift/')) ||
      (file.startsWith('middleware/swift/') && target.startsWith('middleware/s3/')),
  )
  t.same(wrong.map(shown), [])
})

t.test('inside middleware each folder imports what its row names', async (t) => {
  // What a dialect may know of the pipeline: what is handed on, and what it is called through.
  const seam = 'state node speaker refusal header-table audit late-failure logins'
  const common = ['http/', 'keys/', ...seam.split(' ').map((name) => `${name}.ts`)]
  const rows: Record<string, readonly string[]> = {
    http: ['http/', 'state.ts', 'node.ts'],
    keys: ['keys/', 'http/', 'state.ts', 'node.ts', 'speaker.ts'],
    ops: ['ops/', 'http/', 'state.ts', 'node.ts', 'speaker.ts', 'dialect.ts'],
    s3: ['s3/', ...common],
    swift: ['swift/', ...common],
    rest: ['rest/', ...common],
    identity: ['identity/', 'rest/', ...common],
    keymanager: ['keymanager/', 'rest/', ...common],
  }
  const below = (file: string) => file.slice('middleware/'.length)
  const isTop = (file: string) => !below(file).includes('/')
  const wrong = imports.filter(({ file, target }) => {
    if (!file.startsWith('middleware/') || !target.startsWith('middleware/')) return false
    if (!isTop(file)) {
      const row = rows[below(file).split('/')[0]!] ?? []
      return !row.some((start) => below(target).startsWith(start))
    }
    return /^middleware\/(s3|swift)\//.test(target) && file !== 'middleware/speakers.ts'
  })
  t.same(wrong.map(shown), [])
})

t.test('what serves every dialect names none', async (t) => {
  const knowing = ['middleware/dialect.ts', 'middleware/speakers.ts']
  // The identity service names the others to those who look for them.
  const shared = within('middleware').filter(
    (file) => !/^middleware\/(s3|swift|identity)\//.test(file) && !knowing.includes(file),
  )
  t.same(find(shared, /['"`](s3|swift)['"`]/, withoutComment), [])
})

/** The shortest way of imports from a file back to itself; undefined where there is none. */
function circleOf(file: string): string[] | undefined {
  const ways: string[][] = [[file]]
  const seen = new Set<string>()
  for (const way of ways) {
    for (const target of targetsOf.get(way.at(-1)!) ?? []) {
      if (target === file) return [...way, file]
      if (!seen.has(target)) ways.push([...way, target])
      seen.add(target)
    }
  }
  return undefined
}

t.test('no imports go in a circle, those of types among them', async (t) => {
  const circles = sources.map(circleOf).filter((circle) => circle !== undefined)
  t.same(
    circles.map((circle) => circle.join(' > ')),
    [],
  )
})

t.test('a package that picks an implementation is imported in one file', async (t) => {
  const homes: Record<string, (file: string) => boolean> = {
    level: (file) => file === 'lib/leveldb/engine.ts',
    // What `level` is on Node.js; the decrypt program names it itself, because it shares nothing with the server.
    'classic-level': isDecrypt,
    ioredis: (file) => file === 'lib/catalog/redis.ts',
    'memory-level': (file) => file.startsWith('test/'),
  }
  const wrong = imports.filter(
    ({ file, target }) =>
      !file.startsWith('bench/') &&
      !file.startsWith('test/') &&
      Object.hasOwn(homes, target) &&
      !homes[target]!(file),
  )
  t.same(wrong.map(shown), [])
})

t.test('the offline decrypt program shares no code with the server', async (t) => {
  const wrong = imports.filter(
    ({ file, target }) => isDecrypt(file) && target.endsWith('.ts') && !isDecrypt(target),
  )
  t.same(wrong.map(shown), [])
})

t.test('who may is decided in one file', async (t) => {
  const elsewhere = within('lib', 'middleware').filter(
    (file) =>
      file !== 'lib/service/access.ts' &&
      file !== 'lib/auth/acl.ts' &&
      // Rights on users and on the key manager's secrets, which are no objects.
      file !== 'lib/identity/rights.ts',
  )
  const deciding = /\broles(?:\.|\?\.)(?:includes|some|has)\b|\b(accountNamed|groupAllowed)\b/
  t.same(find(elsewhere, deciding, withoutComment), [])
})

t.test('lib knows no HTTP: no server, no status, no header of a dialect, no XML', async (t) => {
  const http = /^(koa|@koa\/|node:https?$|saxes$)/
  const lib = within('lib').filter((file) => !file.startsWith('lib/auth/'))
  const wrong = imports.filter(({ file, target }) => lib.includes(file) && http.test(target))
  t.same(wrong.map(shown), [])
  t.same(find(lib, /x-amz-/i, withoutComment), [])
  t.same(find(lib, /\bstatus(Code)?\b['"]?\s*[:=]\s*[1-5]\d\d\b/, withoutComment), [])
  t.same(find(lib, /<\?xml|['"`]<[A-Z]/, withoutComment), [])
})

t.test('nothing reads configuration or environment while it is imported', async (t) => {
  // What stands at the left margin runs at import; bodies of functions are indented.
  const atImport = /^[^\s/*].*(\bprocess\.env\b|\b(loadConfig|defaultConfig|readFileSync)\()/
  const definition = /^(export )?(async )?(function|const \w+ = (async )?\()/
  const wrong = find(within('lib', 'middleware'), atImport).filter(
    (found) => !definition.test(found.replace(/^\S+ /, '')),
  )
  t.same(wrong, [])
})

t.test('files are short: 300 lines, tests 500', async (t) => {
  const tooLong = sources.flatMap((file) => {
    const lines = textOf(file).trimEnd().split('\n').length
    const limit = file.startsWith('test/') ? 500 : 300
    return lines > limit ? [`${file}:${lines}: longer than ${limit} lines`] : []
  })
  t.same(tooLong, [])
})

t.test('every file is reached from a program, and every test helper from a test', async (t) => {
  const scripts: Record<string, string> = JSON.parse(textOf('package.json')).scripts
  const started = Object.values(scripts).flatMap((script) =>
    [...script.matchAll(/\bnode (\S+\.ts)/g)].map((match) => match[1]!),
  )
  const reach = (entries: readonly string[]) => {
    const reached = new Set(entries)
    for (const file of reached) {
      if (!texts.has(file)) continue
      for (const { target } of importsOf(file)) if (target.endsWith('.ts')) reached.add(target)
    }
    return reached
  }
  t.same(
    started.filter((file) => !texts.has(file)).map((file) => `package.json: starts ${file}`),
    [],
    'scripts start files that exist',
  )
  const missing = imports.filter(({ target }) => target.endsWith('.ts') && !texts.has(target))
  t.same(missing.map(shown), [], 'imports name files that exist')
  const programs = reach(started.filter((file) => !file.startsWith('test/')))
  const dead = within('bin', 'lib', 'middleware', 'packaging').filter((file) => !programs.has(file))
  t.same(dead, [], 'no dead file in bin, lib, middleware and packaging')
  const tests = reach(sources.filter((file) => file.endsWith('.test.ts')).concat(started))
  const unused = within('test', 'bench').filter((file) => !tests.has(file))
  // A helper may also be a program of its own, started by a test by its path.
  const mentioned = (file: string) =>
    sources.some((other) => other !== file && textOf(other).includes(file.split('/').at(-1)!))
  t.same(
    unused.filter((file) => !mentioned(file)),
    [],
    'no dead file in test and bench',
  )
})

t.test('every source begins by saying what it is for', async (t) => {
  const silent = sources.filter((file) => {
    const lines = textOf(file).split('\n')
    const first = lines[0]!.startsWith('#!') ? lines[1]! : lines[0]!
    return !/^\/\/ \S|^\/\*\*? ?\S?/.test(first)
  })
  t.same(
    silent.map((file) => `${file}:1: begins without a comment`),
    [],
  )
})

t.test('nothing is left over: no promises, no code in comments, no debugging', async (t) => {
  const others = sources.filter((file) => file !== 'test/tidy.test.ts')
  t.same(find(others, /\b(TODO|FIXME|XXX|HACK)\b/), [])
  // Tests may hold whole programs as text; biome looks at their own code.
  const programs = within('bin', 'lib', 'middleware')
  t.same(find(programs, /\bconsole\.\w+\(|^\s*debugger\b/), [])
  t.same(find(others, /\.only\(|\bonly: true\b/), [])
  t.same(find(others, /@ts-(ignore|nocheck)/), [])
  const code =
    /^\s*\/\/\s*(?:(?:const|let|var) \w+ =|import .* from '|export (?:const|function)|\}\s*(?:else.*)?$|(?:if|for|while) \(.*\{$|return \w+\(.*\)$|(?:await )?\w+(?:\.\w+)*\([^ ]*\);?$|.*[)\]}'];$)/
  t.same(find(others, code), [])
})

/** The comment of a line, '' for a line of code alone. */
const commentOf = (line: string) => /^\s*(?:\/?\*|\/\/).*|\s\/\/ .*$/.exec(line)?.[0] ?? ''

t.test('comments and pages cite what is in this repository, or on the web', async (t) => {
  const others = files.filter((file) => file !== 'test/tidy.test.ts' && !file.endsWith('.vec'))
  const foreign = /\b(DESIGN|EVIDENCE)\b|\bfeatures\/|\b(cross|ssec)\.md\b/
  t.same(find(others, foreign), [], 'no page that others do not have')
  const pages = /(?<![\w/.:-])[\w./-]*\w\.md\b/g
  const missing = sources.flatMap((file) =>
    textOf(file)
      .split('\n')
      .flatMap((line, i) =>
        [...commentOf(line).matchAll(pages)]
          .filter(([page]) => !texts.has(page) && !texts.has(join(dirname(file), page)))
          .map(([page]) => `${file}:${i + 1}: no ${page}`),
      ),
  )
  t.same(missing, [], 'each page that a comment names is there')
})

t.test('decisions have ids, each once, and no other is cited', async (t) => {
  const ids = [...textOf('docs/decisions.md').matchAll(/^### (.*)$/gm)].map((match) => match[1]!)
  t.ok(ids.length > 100, `${ids.length} decisions`)
  t.same(find(['docs/decisions.md'], /^- \*\*/), [], 'no decision is without an id')
  t.same(
    ids.filter((id) => !/^D-[A-Z0-9]+(-[A-Z0-9]+)*$/.test(id)),
    [],
    'an id is D- and words in capitals',
  )
  t.same(
    ids.filter((id, i) => ids.indexOf(id) !== i),
    [],
    'no id is given twice',
  )
  const citing = files.filter((file) => /\.(ts|md|py|sh|ya?ml|service)$/.test(file))
  const unknown = citing.flatMap((file) =>
    [...textOf(file).matchAll(/(?<![\w-])D-[A-Z0-9]+(?:-[A-Z0-9]+)*\b/g)]
      .filter(([id]) => !ids.includes(id))
      .map(([id]) => `${file}: cites ${id}`),
  )
  t.same(unknown, [], 'what is cited is in docs/decisions.md')
})

t.test('a limit has one home, from which others import it', async (t) => {
  const programs = within('bin', 'lib', 'middleware').filter((file) => !isDecrypt(file))
  const limits = programs.flatMap((file) =>
    [...textOf(file).matchAll(/^(export )?const ([A-Z_]+_(?:MAX|MIN|LIMIT)) = (.+)$/gm)].map(
      ([, exported, name, value]) => ({ file, exported, limit: `${name} = ${value}` }),
    ),
  )
  t.ok(limits.length > 20, `${limits.length} limits`)
  const again = limits.filter((one) =>
    limits.some(
      (other) =>
        other !== one &&
        other.limit === one.limit &&
        (other.exported ?? one.exported) !== undefined,
    ),
  )
  t.same(
    again.map(({ file, limit }) => `${file}: ${limit}`),
    [],
  )
})

t.test('names say what a file holds: no utils, no helpers', async (t) => {
  const vague = /(^|[/-])(utils?|helpers?|misc|common)\.ts$/
  t.same(
    within('bin', 'lib', 'middleware').filter((file) => vague.test(file)),
    [],
  )
})

t.test('no file names a registry host or a path of somebody’s machine', async (t) => {
  const host = /registry\.[a-z]+js\.|registry\.yarn|artifactory|\bnexus\./i
  const path = /(^|[\s'"`(=:])\/(work|root|Users|home\/[a-z]+)\//
  const others = files.filter((file) => file !== 'test/tidy.test.ts' && !file.endsWith('.vec'))
  t.same(find(others, host), [])
  t.same(find(others, path), [])
})

t.test(
  'the lock file lists every optional package, or npm ci fails on a fresh clone',
  async (t) => {
    interface Locked {
      readonly optionalDependencies?: Readonly<Record<string, string>>
    }
    const packages: Record<string, Locked> = JSON.parse(textOf('package-lock.json')).packages
    const missing = Object.entries(packages).flatMap(([place, locked]) =>
      Object.keys(locked.optionalDependencies ?? {}).filter((name) => {
        const places = [`${place}/node_modules/${name}`, `node_modules/${name}`]
        return !places.some((at) => at in packages)
      }),
    )
    t.same(missing, [])
  },
)

t.test('comments say what a program does, not what it tells, asks or knows', async (t) => {
  // `middleware` and `lib/service` speak of clients and callers, who may ask.
  const where = within('bin', 'lib', 'packaging').filter((f) => !f.startsWith('lib/service/'))
  const forms =
    /\b(tells?|told|asks|asking|hears?|heard|knows|wants)\b|\b(is|are|be|been|was|were|gets) asked\b|\b(gives?|gave|given|giving) up\b/i
  const onlyComment = (line: string) =>
    /^\s*(?:\/?\*|\/\/).*|\s\/\/ .*$/.exec(line)?.[0].replace(/`[^`]*`/g, '') ?? ''
  t.same(find(where, forms, onlyComment), [])
})

t.test('generated files are what npm run schema would write', async (t) => {
  const { generated } = await import('../bin/schema.ts')
  for (const [file, text] of Object.entries(generated())) t.equal(textOf(file), text, file)
})
