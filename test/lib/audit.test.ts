// The audit trail: every line whole, nothing in it but the entry.
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import t from 'tap'
import { type AuditEntry, auditToFile, auditToLog } from '../../lib/audit.ts'

const entry: AuditEntry = {
  time: '2026-01-02T03:04:05.678Z',
  requestId: 'req',
  account: 'test',
  user: 'test:tester',
  address: '::1',
  dialect: 's3',
  operation: 'PutObject',
  container: 'b',
  object: 'é\n"quoted"\u2028',
  result: 'ok',
}

function capture() {
  const lines: string[] = []
  const log = pino({ level: 'info', base: null }, { write: (line) => void lines.push(line) })
  return { log, lines }
}

t.test('a file gets one line of JSON an entry, after what it held before', async (t) => {
  const path = join(t.testdir(), 'audit.log')
  const { log, lines } = capture()
  const first = auditToFile(path, log)
  first.write(entry)
  t.equal(readFileSync(path, 'utf8').split('\n').length, 2, 'there when write returns')
  await first.close()
  await first.close()
  const second = auditToFile(path, log)
  const denied = { ...entry, result: 'KeyWrong', version: 'v', count: 3 } as const
  second.write({ ...denied, secret: 'CANARY' } as AuditEntry)
  await second.close()
  const text = readFileSync(path, 'utf8')
  t.equal(text.at(-1), '\n')
  t.same(
    text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
    [entry, denied],
  )
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.same(lines, [])
})

t.test('a file that was rotated away gets no more lines once it is opened anew', async (t) => {
  const path = join(t.testdir(), 'audit.log')
  const audit = auditToFile(path, capture().log)
  audit.write(entry)
  renameSync(path, `${path}.1`)
  audit.write(entry)
  audit.reopen()
  audit.write({ ...entry, requestId: 'later' })
  await audit.close()
  t.equal(readFileSync(`${path}.1`, 'utf8').trimEnd().split('\n').length, 2)
  t.match(JSON.parse(readFileSync(path, 'utf8')), { requestId: 'later' })
  t.equal(statSync(path).mode & 0o777, 0o600)
})

t.test('where it cannot be opened anew, lines go on into the one that was open', async (t) => {
  const path = join(t.testdir(), 'audit.log')
  const { log, lines } = capture()
  const audit = auditToFile(path, log)
  renameSync(path, `${path}.1`)
  mkdirSync(path)
  t.throws(() => audit.reopen(), { code: 'EISDIR' })
  audit.write(entry)
  await audit.close()
  t.match(JSON.parse(readFileSync(`${path}.1`, 'utf8')), { requestId: 'req' })
  t.same(lines, [])
})

t.test('the log gets the entry under audit: true', async (t) => {
  const { log, lines } = capture()
  const audit = auditToLog(log)
  audit.write({ ...entry, secret: 'CANARY' } as AuditEntry)
  await audit.close()
  t.equal(lines.length, 1)
  const { time: _, ...fields } = entry
  t.match(JSON.parse(lines[0]!), { audit: true, ...fields })
  t.notMatch(lines[0], /CANARY/)
})

t.test('a file that cannot be opened is an error at once', async (t) => {
  const path = join(t.testdir(), 'none', 'audit.log')
  t.throws(() => auditToFile(path, capture().log), { code: 'ENOENT' })
})

const full = '/dev/full'
t.test(
  'a trail that cannot be written is reported once, and breaks no request',
  { skip: !existsSync(full) && `there is no ${full}` },
  async (t) => {
    t.throws(() => appendFileSync(full, 'x'), { code: 'ENOSPC' })
    const { log, lines } = capture()
    const audit = auditToFile(full, log)
    for (let n = 0; n < 5; n++) audit.write(entry)
    await audit.close()
    t.equal(lines.length, 1)
    t.match(JSON.parse(lines[0]!), { level: 50 })
  },
)
