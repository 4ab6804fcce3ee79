// The tests of test/api/swift once more, with the catalog in Redis.
import t from 'tap'
import { onRedis } from './suite.ts'

t.setTimeout(600_000)
await onRedis(t, 'test/api/swift on Redis', ['api/swift'])
