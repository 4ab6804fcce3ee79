// A short selection of real clients once more, with the catalog in Redis: aws s3, rclone, and the library of
// python-swiftclient.
import t from 'tap'
import { clients } from '../helpers/clients.ts'
import { redisServer } from '../helpers/redis.ts'
import { testS3Commands } from '../interop/awscli.ts'
import { onRedis } from './suite.ts'

t.setTimeout(900_000)
await onRedis(t, 'clients on Redis', ['interop/rclone.test.ts', 'interop/swiftclient-api.test.ts'])
if (redisServer !== undefined) testS3Commands(clients.awscliDebian)
