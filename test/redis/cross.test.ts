// The tests of test/api/cross once more, with the catalog in Redis.
import t from 'tap'
import { onRedis } from './suite.ts'

t.setTimeout(600_000)
await onRedis(t, 'test/api/cross on Redis', ['api/cross'])
