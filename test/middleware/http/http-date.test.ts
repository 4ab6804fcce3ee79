// The dates that request headers carry.
import t from 'tap'
import { readHttpDate } from '../../../middleware/http/http-date.ts'

const moment = 784_111_777

t.test(
  'all three forms of an HTTP date are read, as UTC whatever the zone of the machine',
  async (t) => {
    const zone = process.env.TZ
    process.env.TZ = 'America/New_York'
    t.teardown(() => {
      if (zone === undefined) delete process.env.TZ
      else process.env.TZ = zone
    })
    t.equal(new Date(0).getHours(), 19, 'the zone counts')
    t.equal(readHttpDate('Sun, 06 Nov 1994 08:49:37 GMT'), moment)
    t.equal(readHttpDate('Sunday, 06-Nov-94 08:49:37 GMT'), moment)
    t.equal(readHttpDate('Sun Nov  6 08:49:37 1994'), moment)
    t.equal(readHttpDate('Sun Nov 16 08:49:37 1994'), moment + 10 * 86_400)
  },
)

t.test('a year of two digits is at most 50 years ahead', async (t) => {
  const now = new Date().getUTCFullYear()
  const yearOf = (year: number) => {
    const digits = String(year % 100).padStart(2, '0')
    return new Date(readHttpDate(`Sunday, 06-Nov-${digits} 08:49:37 GMT`)! * 1000).getUTCFullYear()
  }
  for (const year of [now, now + 50, now - 49, now - 1]) t.equal(yearOf(year), year)
})

t.test('anything else is no date', async (t) => {
  for (const bad of [
    '',
    'yesterday',
    '784111777',
    '1994-11-06T08:49:37Z',
    'Sun, 06 Nov 1994 08:49:37 UTC',
    'Sun, 06 Nov 1994 08:49:37 +0000',
    'Sun, 6 Nov 1994 08:49:37 GMT',
    'sun, 06 nov 1994 08:49:37 gmt',
    'Sun, 06 Nov 1994 24:49:37 GMT',
    'Sun, 31 Feb 1994 08:49:37 GMT',
    'Sun, 00 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT',
  ]) {
    t.equal(readHttpDate(bad), undefined, bad)
  }
  t.equal(readHttpDate('Sat, 31 Dec 2016 23:59:60 GMT'), 1_483_228_800, 'but a leap second is one')
})
