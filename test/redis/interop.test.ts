// Clients of both dialects once more, with the catalog in Redis: one each of Python's, and rclone, which
// speaks S3 and Swift.
import t from 'tap'
import { onRedis } from './suite.ts'

t.setTimeout(900_000)
await onRedis(t, 'clients on Redis', [
  'interop/awscli-debian.test.ts',
  'interop/rclone.test.ts',
  'interop/swiftclient.test.ts',
])
