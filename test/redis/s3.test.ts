// The tests of test/api/s3 once more, with the catalog in Redis.
import t from 'tap'
import { onRedis } from './suite.ts'

t.setTimeout(600_000)
await onRedis(t, 'test/api/s3 on Redis', ['api/s3'])
