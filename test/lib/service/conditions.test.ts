// Conditional requests, by table.
import t from 'tap'
import { CofferError } from '../../../lib/errors.ts'
import { checkRead, checkWrite, isConditional, isMeant } from '../../../lib/service/conditions.ts'
import type { Conditions } from '../../../lib/service/types.ts'

const second = 1_000_000
const modified = 1_700_000_000 * second
const judged = { etag: 'aa', md5: 'bb', timeMicros: modified + 999_999 }
const failed = (condition: keyof Conditions) => ({
  code: 'PreconditionFailed',
  details: { condition },
})

t.test('a read whose conditions hold is answered', async (t) => {
  for (const conditions of [
    undefined,
    {},
    { ifMatch: ['aa'] },
    { ifMatch: ['x', 'aa'] },
    { ifMatch: ['bb'] },
    { ifMatch: '*' as const },
    { ifNoneMatch: ['x'] },
    { ifModifiedSinceMicros: modified - second },
    { ifUnmodifiedSinceMicros: modified },
  ]) {
    t.doesNotThrow(() => checkRead(conditions, judged))
  }
})

t.test('a read whose condition fails is refused by the name of the condition', async (t) => {
  t.throws(() => checkRead({ ifMatch: ['x'] }, judged), failed('ifMatch'))
  t.throws(
    () => checkRead({ ifUnmodifiedSinceMicros: modified - second }, judged),
    failed('ifUnmodifiedSinceMicros'),
  )
})

t.test('a copy that is still good is not sent again', async (t) => {
  for (const conditions of [
    { ifNoneMatch: ['aa'] },
    { ifNoneMatch: ['bb'] },
    { ifNoneMatch: '*' as const },
    { ifModifiedSinceMicros: modified },
  ]) {
    t.throws(() => checkRead(conditions, judged), { code: 'NotModified', details: { etag: 'aa' } })
  }
})

t.test('an ETag overrides a date, and a date in the future is ignored', async (t) => {
  t.doesNotThrow(() =>
    checkRead({ ifMatch: ['aa'], ifUnmodifiedSinceMicros: modified - second }, judged),
  )
  t.doesNotThrow(() =>
    checkRead({ ifNoneMatch: ['x'], ifModifiedSinceMicros: modified + second }, judged),
  )
  t.doesNotThrow(() =>
    checkRead({ ifModifiedSinceMicros: (Date.now() + 3_600_000) * 1000 }, judged),
  )
})

t.test('judged each by itself, none overrides another', async (t) => {
  const each = true
  const earlier = { ifUnmodifiedSinceMicros: modified - second }
  for (const [conditions, refusal] of [
    [{ ifMatch: ['aa'], ...earlier }, failed('ifUnmodifiedSinceMicros')],
    [{ ifMatch: ['x'], ...earlier }, failed('ifMatch')],
    [{ ifMatch: ['x'], ifNoneMatch: ['aa'] }, { code: 'NotModified' }],
    [{ ifMatch: ['aa'], ifNoneMatch: ['bb'] }, { code: 'NotModified' }],
    [{ ifNoneMatch: ['x'], ifModifiedSinceMicros: modified + second }, { code: 'NotModified' }],
    [{ ifModifiedSinceMicros: (Date.now() + 3_600_000) * 1000 }, { code: 'NotModified' }],
  ] as const) {
    t.throws(() => checkRead({ ...conditions, each }, judged), refusal)
  }
  t.doesNotThrow(() => checkRead({ each, ifMatch: ['bb'], ifNoneMatch: ['x'] }, judged))
})

t.test('judged each by itself, a time is the next whole second', async (t) => {
  const each = true
  const later = modified + second
  t.doesNotThrow(() => checkRead({ each, ifModifiedSinceMicros: modified }, judged))
  t.throws(() => checkRead({ each, ifModifiedSinceMicros: later }, judged), { code: 'NotModified' })
  t.doesNotThrow(() => checkRead({ each, ifUnmodifiedSinceMicros: later }, judged))
  t.throws(
    () => checkRead({ each, ifUnmodifiedSinceMicros: modified }, judged),
    failed('ifUnmodifiedSinceMicros'),
  )
  const exact = { ...judged, timeMicros: modified }
  t.doesNotThrow(() => checkRead({ each, ifUnmodifiedSinceMicros: modified }, exact))
  t.throws(() => checkRead({ each, ifModifiedSinceMicros: modified }, exact), {
    code: 'NotModified',
  })
})

t.test('a write can require that there is nothing, or exactly this', async (t) => {
  t.doesNotThrow(() => checkWrite({ ifNoneMatch: '*' }, undefined, 'o'))
  t.throws(() => checkWrite({ ifNoneMatch: '*' }, judged, 'o'), failed('ifNoneMatch'))
  t.doesNotThrow(() => checkWrite({ ifMatch: ['aa'] }, judged, 'o'))
  t.throws(() => checkWrite({ ifMatch: ['x'] }, judged, 'o'), failed('ifMatch'))
  t.throws(() => checkWrite({ ifMatch: '*' }, undefined, 'o'), new CofferError('ObjectMissing'))
  t.doesNotThrow(() => checkWrite({ ifNoneMatch: ['x'] }, judged, 'o'))
})

t.test('conditions that are all absent are none', async (t) => {
  t.equal(isConditional(undefined), false)
  t.equal(isConditional({}), false)
  t.equal(isConditional({ ifMatch: undefined } as Conditions), false)
  t.equal(isConditional({ ifMatch: '*' }), true)
})

t.test('a range is meant for one ETag, or for one second', async (t) => {
  for (const etag of ['aa', 'bb']) t.equal(isMeant({ etag }, judged), true, etag)
  for (const etag of ['x', '', '*']) t.equal(isMeant({ etag }, judged), false, etag)
  const seconds = modified / second
  for (const off of [-1, 0, 1]) {
    t.equal(isMeant({ modifiedSeconds: seconds + off }, judged), off === 0, `${off} s`)
  }
})

t.test(
  'a write is refused where the object was modified since, unless an ETag says more',
  async (t) => {
    const since = (seconds: number) => ({ ifUnmodifiedSinceMicros: modified + seconds * second })
    t.doesNotThrow(() => checkWrite(since(0), judged, 'o'))
    t.throws(() => checkWrite(since(-1), judged, 'o'), failed('ifUnmodifiedSinceMicros'))
    t.doesNotThrow(() => checkWrite({ ...since(-1), ifMatch: ['aa'] }, judged, 'o'))
    t.doesNotThrow(() => checkWrite(since(-1), undefined, 'o'))
  },
)
