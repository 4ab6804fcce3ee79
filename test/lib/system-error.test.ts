// One function says which error of the system is behind what Node or LevelDB threw, and another what it means.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  adviceFor,
  describeReadError,
  isOfDisk,
  isSpaceError,
  readErrorOf,
  systemErrorOf,
} from '../../lib/system-error.ts'

const failed = (words: string) =>
  Object.assign(new Error('Database failed to open'), {
    code: 'LEVEL_DATABASE_NOT_OPEN',
    cause: Object.assign(new Error(words), { code: 'LEVEL_IO_ERROR' }),
  })

t.test('LevelDB’s words are told by the error number that they are of', async (t) => {
  const path = '/a: b/000005.ldb'
  for (const [words, code] of [
    ['Permission denied', 'EACCES'],
    ['Operation not permitted', 'EPERM'],
    ['Too many open files', 'EMFILE'],
    ['Too many open files in system', 'ENFILE'],
    ['Cannot allocate memory', 'ENOMEM'],
    ['Input/output error', 'EIO'],
  ] as const) {
    t.same(systemErrorOf(failed(`IO error: ${path}: ${words}`)), { code, path })
    t.same(systemErrorOf(failed(`IO error: lock ${path}: ${words}`)), { code, path })
    t.match(describeReadError({ code, path }), `cannot be read (${code}): `)
  }
  t.ok(isSpaceError(failed('IO error: /a/000005.log: No space left on device')))
  t.notOk(isSpaceError(failed('IO error: /a/000005.log: Permission denied')))
  t.equal(systemErrorOf(failed('Corruption: 1 missing files; e.g.: /a/000005.ldb')), undefined)
  t.equal(systemErrorOf(failed('IO error: /a/000005.ldb: No such file or directory')), undefined)
  t.equal(systemErrorOf('EIO'), undefined)
})

t.test('what is missing is no error of a read, and no program error is', async (t) => {
  const error = (code: string) => Object.assign(new Error(code), { code, path: '/a' })
  t.equal(readErrorOf(error('ENOENT')), undefined)
  t.equal(readErrorOf(error('ERR_INVALID_ARG_TYPE')), undefined)
  t.same(readErrorOf(new Error('wrapped', { cause: error('EMFILE') })), {
    code: 'EMFILE',
    path: '/a',
  })
  t.same(readErrorOf(error('ESTALE')), { code: 'ESTALE', path: '/a' })
  t.equal(describeReadError({ code: 'ESTALE' }), 'cannot be read: ESTALE')
  t.same(['EIO', 'EUCLEAN', 'EACCES', 'ENOMEM'].map(isOfDisk), [true, true, false, false])
})

t.test('what to do about it loses nothing', async (t) => {
  for (const code of ['EACCES', 'EPERM', 'EMFILE', 'ENFILE', 'ENOMEM', 'EIO', 'ESTALE']) {
    t.notMatch(adviceFor(code), /accept|restore|salvage|remove|delete/)
    t.match(adviceFor(code), /\.$/)
  }
})

t.test('who may not read a file is said by names and mode', async (t) => {
  const directory = join(t.testdir(), 'closed')
  mkdirSync(directory)
  const path = join(directory, 'file')
  writeFileSync(path, '', { mode: 0o640 })
  const isRoot = process.getuid?.() === 0
  t.match(describeReadError({ code: 'EACCES', path }), /mode 0640; this process is \S+$/)
  t.match(
    describeReadError({ code: 'EACCES', path }),
    /its mode allows it, something else does not/,
  )
  chmodSync(directory, 0)
  const closed = isRoot ? /mode 0640/ : /its directory .*closed has owner \S+, mode 0000/
  t.match(describeReadError({ code: 'EACCES', path }), closed)
  chmodSync(directory, 0o700)
})
