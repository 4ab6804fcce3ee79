// A short selection of real clients once more, with the catalog in Redis: boto3, rclone, and the library of
// python-swiftclient.
import t from 'tap'
import { onRedis } from './suite.ts'

t.setTimeout(900_000)
await onRedis(t, 'clients on Redis', [
  'interop/boto3.test.ts',
  'interop/rclone.test.ts',
  'interop/swiftclient-api.test.ts',
])
