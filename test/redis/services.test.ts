// The tests of identity and of the key manager once more, with the catalog in Redis.
import t from 'tap'
import { onRedis } from './suite.ts'

t.setTimeout(600_000)
await onRedis(t, 'identity and keys on Redis', ['api/identity', 'api/keymanager'])
