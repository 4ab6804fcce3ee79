// The tests of test/api that are of no dialect, once more, with the catalog in Redis.
import t from 'tap'
import { onRedis } from './suite.ts'

t.setTimeout(600_000)
await onRedis(t, 'test/api on Redis', ['api'])
