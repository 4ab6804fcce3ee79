// Bytes as people write them.
import t from 'tap'
import { readBytes, writeBytes } from '../../lib/units.ts'

const written: readonly [text: string, bytes: number][] = [
  ['0', 0],
  ['4096', 4096],
  ['4096B', 4096],
  ['1K', 1000],
  ['300k', 300_000],
  ['20M', 20e6],
  ['1.5GB', 1.5e9],
  ['1.1 GB', 1_100_000_000],
  ['2T', 2e12],
  ['1KiB', 1024],
  ['64MiB', 67_108_864],
  ['64 Mi', 67_108_864],
  ['0.5 KiB', 512],
  ['32 GiB', 34_359_738_368],
  ['1 TiB', 2 ** 40],
  ['1 PiB', 2 ** 50],
  ['9007199254740991', Number.MAX_SAFE_INTEGER],
]

t.test('K, M and G are powers of 1000, Ki, Mi and Gi of 1024', async (t) => {
  for (const [text, bytes] of written) t.equal(readBytes(text), bytes, text)
})

t.test('what is no whole number of bytes is none', async (t) => {
  const none = [
    '',
    ' ',
    '-1',
    'M',
    '5X',
    '1e9',
    '0x10',
    '1,5M',
    '1.5',
    '.5K',
    '1.',
    '0.3KiB',
    '5Mb',
  ]
  none.push('1  M', ' 1M', '1M ', '10\n', '5 MIB', '16Pi0', '9007199254740992', '9000000P', 'NaN')
  for (const text of none) t.equal(readBytes(text), null, JSON.stringify(text))
})

t.test('what is written with a unit is read as the same', async (t) => {
  for (const bytes of [0, 1, 100, 1023, 1024, 8192, 1_048_577, 67_108_864, 2 ** 50, 3 * 2 ** 40]) {
    t.equal(readBytes(writeBytes(bytes)), bytes, writeBytes(bytes))
  }
  t.equal(writeBytes(67_108_864), '64 MiB')
  t.equal(writeBytes(1000), '1000')
  t.equal(writeBytes(0), '0')
})
