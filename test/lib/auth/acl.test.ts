// Access lists: how they are cleaned, whom they name, by table. Rows follow Swift's documents on container
// ACLs and on TempAuth's account ACLs.
import t from 'tap'
import {
  AclInvalid,
  accountNamed,
  cleanAcl,
  formatAccountAcl,
  groupAllowed,
  parseAccountAcl,
  parseAcl,
  referrerAllowed,
} from '../../../lib/auth/acl.ts'

/** Text as a header carries it: one character a byte. */
const bytes = (text: string) => Buffer.from(text).toString('latin1')

t.test('a list is kept without blanks and empty elements, in one spelling', async (t) => {
  const table: [sent: string, kept: string][] = [
    ['', ''],
    [' ', ''],
    [',, ,', ''],
    ['bob', 'bob'],
    ['bob, sue', 'bob,sue'],
    ['bob , sue', 'bob,sue'],
    ['bob,,,sue', 'bob,sue'],
    ['\tbob:user\t', 'bob:user'],
    ['two words:some one', 'two words:some one'],
    ['.referrer : *', '.r:*'],
    ['.ref:*.example.com', '.r:.example.com'],
    ['.referer:* .example.com', '.r:.example.com'],
    ['.r:*example.com', '.r:example.com'],
    ['.r:**', '.r:*'],
    ['.r:*, .rlistings', '.r:*,.rlistings'],
    ['.r: - thief.com', '.r:-thief.com'],
    ['.r:-*.thief.com', '.r:-.thief.com'],
    ['.r:-*', '.r:-*'],
    [
      '.r:*,.r:-.thief.com,bobs_account,sues_account:sue',
      '.r:*,.r:-.thief.com,bobs_account,sues_account:sue',
    ],
    ['*:*, *, test:*, *:sue', '*:*,*,test:*,*:sue'],
    [bytes('à:é , b'), bytes('à:é,b')],
    [bytes('bà'), bytes('bà')],
  ]
  for (const [sent, kept] of table) {
    t.equal(cleanAcl(sent, 'read'), kept, `'${sent}'`)
    t.equal(cleanAcl(kept, 'read'), kept, `'${kept}' again`)
  }
  t.equal(cleanAcl('bob , sue:x', 'write'), 'bob,sue:x')
  t.equal(cleanAcl('.rlistings', 'write'), '.rlistings')
})

t.test('a list that means nothing is refused, with the element in the reason', async (t) => {
  const table: [sent: string, kind: 'read' | 'write', reason: RegExp][] = [
    ['.r:', 'read', /no host.*'\.r:'/i],
    ['.r: ', 'read', /no host/i],
    ['.r:-', 'read', /no host/i],
    ['.r:.', 'read', /no host/i],
    ['.r:*.', 'read', /no host/i],
    ['.r:-*.', 'read', /no host/i],
    ['bob,.ref:', 'read', /'\.ref:'/],
    ['.x:*', 'read', /unknown designator '\.x'.*'\.x:\*'/i],
    ['.rlistings:*', 'read', /unknown designator '\.rlistings'/i],
    ['.:a', 'write', /unknown designator '\.'/i],
    ['.R:*', 'read', /unknown designator/i],
    ['.r:*', 'write', /write list.*'\.r:\*'/i],
    ['bob,.referrer:example.com', 'write', /write list/i],
    ['bob,\u0101', 'read', /UTF-8/],
  ]
  for (const [sent, kind, message] of table) {
    t.throws(() => cleanAcl(sent, kind), { name: 'AclInvalid', message }, `${kind} '${sent}'`)
  }
  t.throws(() => cleanAcl('.x:', 'read'), AclInvalid)
})

t.test('a list falls apart into groups, referrers and the leave to list', async (t) => {
  t.strictSame(parseAcl(''), { groups: [], referrers: [], listings: false })
  t.strictSame(parseAcl('.r:*,bob,.r:-.thief.com,.rlistings,sue:x'), {
    groups: ['bob', 'sue:x'],
    referrers: ['*', '-.thief.com'],
    listings: true,
  })
})

t.test('of referrers, the last that matches decides', async (t) => {
  const table: [list: string, referrer: string | undefined, allowed: boolean][] = [
    ['', 'http://example.com', false],
    ['*', undefined, true],
    ['*', '', true],
    ['*', 'http://example.com', true],
    ['example.com', 'http://example.com/page?x', true],
    ['example.com', 'https://example.com:8443', true],
    ['example.com', 'https://user:secret@example.com/', true],
    ['example.com', 'http://EXAMPLE.com/', true],
    ['Example.com', 'http://example.com/', true],
    ['example.com', 'http://www.example.com/', false],
    ['example.com', 'http://example.com.thief.com/', false],
    ['example.com', 'example.com', false],
    ['example.com', 'http:example.com', false],
    ['example.com', 'http://example.com@thief.com/', false],
    ['example.com', 'not a url', false],
    ['example.com', 'http://', false],
    ['example.com', undefined, false],
    ['.example.com', 'http://www.example.com/', true],
    ['.example.com', 'http://a.b.example.com/', true],
    ['.example.com', 'http://example.com/', false],
    ['.example.com', 'http://notexample.com/', false],
    ['unknown', undefined, true],
    ['::1', 'http://[::1]:8080/', true],
    ['.example.com -thief.example.com', 'http://thief.example.com/', false],
    ['.example.com -thief.example.com', 'http://www.example.com/', true],
    ['-thief.example.com .example.com', 'http://thief.example.com/', true],
    ['* -.thief.com', 'http://www.thief.com/', false],
    ['* -.thief.com', 'http://thief.com/', true],
    ['* -.Thief.com', 'http://www.thief.com/', false],
    ['* -unknown', undefined, false],
    ['example.com -*', 'http://example.com/', false],
    ['-* example.com', 'http://example.com/', true],
  ]
  for (const [list, referrer, allowed] of table) {
    const elements = list === '' ? [] : list.split(' ')
    t.equal(referrerAllowed(referrer, elements), allowed, `${list} for ${referrer}`)
  }
})

t.test('a group is an account, a user, or everybody who has proved who they are', async (t) => {
  const tester = { account: 'test', user: 'tester', roles: [] }
  const table: [element: string, allowed: boolean][] = [
    ['test', true],
    ['test:tester', true],
    ['test:*', true],
    ['*:tester', true],
    ['*:*', true],
    ['*', true],
    ['tes', false],
    ['Test', false],
    ['tester', false],
    ['test:', false],
    ['test:other', false],
    ['other:tester', false],
    ['other:*', false],
    ['*:other', false],
    ['*test', false],
    ['test:tester*', false],
    ['AUTH_test', false],
    ['%74est', true],
    ['test%3Atester', true],
    ['test:t%65ster', true],
    ['%2A', false],
    ['%2A:%2A', false],
    ['%2A:tester', false],
    ['test:%2A', false],
  ]
  for (const [element, allowed] of table) {
    t.equal(groupAllowed(tester, [element]), allowed, element)
  }
  t.equal(groupAllowed(tester, []), false)
  t.equal(groupAllowed(tester, ['a', 'b', 'test']), true)
  t.equal(groupAllowed({ account: 'a,b', user: '*', roles: [] }, ['a%2Cb:%2A']), true)
  t.equal(groupAllowed({ account: 'té', user: 'ü', roles: [] }, [bytes('té:ü')]), true)
  t.equal(groupAllowed({ account: 'té', user: 'ü', roles: [] }, ['t%C3%A9']), true)
  t.equal(groupAllowed({ account: 't\ufffd', user: 'u', roles: [] }, ['t%FF']), false)
})

t.test('a role is no group, and an account with a colon is no user of another', async (t) => {
  t.equal(groupAllowed({ account: 'test', user: 'x', roles: ['staff'] }, ['staff']), false)
  const odd = { account: 'bob:sue', user: 'x', roles: [] }
  t.equal(groupAllowed(odd, ['bob:sue']), false)
  t.equal(groupAllowed(odd, ['bob:sue:x']), true)
  t.equal(accountNamed(odd, ['bob:sue']), false)
})

t.test('an account names users and accounts, without wildcards', async (t) => {
  const tester = { account: 'test', user: 'tester', roles: [] }
  for (const name of ['test', 'test:tester']) t.equal(accountNamed(tester, [name]), true, name)
  for (const name of ['', '*', '*:*', 'test:*', 'tester', 'test:other', 'te%73t']) {
    t.equal(accountNamed(tester, [name]), false, name)
  }
})

t.test('an account’s list is read from JSON and written in ASCII', async (t) => {
  const none = { admin: [], readWrite: [], readOnly: [] }
  t.strictSame(parseAccountAcl(''), none)
  t.strictSame(parseAccountAcl('{}'), none)
  t.strictSame(parseAccountAcl(' {"read-only": ["a:b"], "admin": []} '), {
    ...none,
    readOnly: ['a:b'],
  })
  t.strictSame(parseAccountAcl(bytes('{"admin":["ü"],"read-write":["\\u00fc","x"]}')), {
    ...none,
    admin: ['ü'],
    readWrite: ['ü', 'x'],
  })
  const acl = { admin: ['ü', '𝄞', '\u007f', '"\n'], readWrite: ['b'], readOnly: [] }
  const json = formatAccountAcl(acl)
  t.equal(json, '{"admin":["\\u00fc","\\ud834\\udd1e","\\u007f","\\"\\n"],"read-write":["b"]}')
  t.strictSame(parseAccountAcl(json), acl)
})

t.test('an account’s list in another form is refused, with the reason', async (t) => {
  const table: [json: string, reason: RegExp][] = [
    ['{', /not JSON/i],
    ['test:tester', /not JSON/i],
    ['[]', /object/],
    ['null', /object/],
    ['"admin"', /object/],
    ['1', /object/],
    ['{"other":[]}', /"other"/],
    ['{"readWrite":[]}', /"readWrite"/],
    ['{"__proto__":[]}', /"__proto__"/],
    ['{"toString":[]}', /"toString"/],
    ['{"admin":"test"}', /"admin".*list/],
    ['{"admin":{}}', /"admin".*list/],
    ['{"read-write":null}', /"read-write".*list/],
    ['{"read-only":["a",1]}', /"read-only".*strings/],
    ['{"read-only":[["a"]]}', /"read-only".*strings/],
    ['{"admin":["\xff"]}', /UTF-8/],
  ]
  for (const [json, message] of table) {
    t.throws(() => parseAccountAcl(json), { name: 'AclInvalid', message }, json)
  }
})
