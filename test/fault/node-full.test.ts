// A node on a disk that fills up. Below the reserve both dialects refuse before anything is written, with
// errors that clients understand. Deletes succeed, and writes succeed again when there is room.
import { execFileSync } from 'node:child_process'
import { rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { classicEngine } from '../../lib/leveldb/engine.ts'
import { until } from '../helpers/blobs.ts'
import { startWithContainer, withSwiftKey } from '../helpers/both.ts'
import { customerKey, outcome, withKey } from '../helpers/s3.ts'
import { mountSmall } from '../helpers/small-disk.ts'

const DISK_BYTES = 128 << 20
const RESERVE_BYTES = 16 << 20
const key = customerKey('k')

const disk = mountSmall('node-full', DISK_BYTES)
const skip = disk === null && 'mounting a small filesystem needs root'

t.test(
  'below the reserve nothing is written and everything can be deleted',
  { skip },
  async (t) => {
    const data = disk!
    const ballast = join(data, 'ballast')
    t.teardown(() => {
      execFileSync('umount', [data])
      rmdirSync(data)
    })
    const storage = { reserveBytes: RESERVE_BYTES, writeBufferBytes: 1 << 20 }
    const devices = [join(data, 'volumes')]
    const { node, s3, swift } = await startWithContainer(t, { data, devices, storage })
    const body = Buffer.alloc(300_000, 5)
    for (const name of ['a', 'b', 'c', 'd']) {
      t.equal((await s3('PUT', `/bkt/${name}`, { body })).status, 200)
    }

    const freeBytes = classicEngine.freeBytes(data)
    writeFileSync(ballast, Buffer.alloc(freeBytes - RESERVE_BYTES + (1 << 20), 1))
    const isFull = () => /not enough space/.test(node.coffer.impaired() ?? '')
    t.ok(await until(isFull), 'the disk is asked once a second')
    const below = classicEngine.freeBytes(data)
    const big = { body: Buffer.alloc(4 << 20) }
    t.equal(outcome(await s3('PUT', '/bkt/new', big)), '507 InsufficientStorage')
    t.equal(outcome(await s3('PUT', '/bkt/new', withKey(key, big))), '507 InsufficientStorage')
    t.equal(outcome(await s3('PUT', '/bkt/a', big)), '507 InsufficientStorage')
    // The status of Swift's proxy where a disk answers 507.
    t.equal((await swift('PUT', '/bkt/new', big)).status, 503)
    t.equal((await swift('PUT', '/bkt/new', withSwiftKey(key, big))).status, 503)
    t.ok(below - classicEngine.freeBytes(data) < 1 << 20, 'nothing of them was written')
    t.same((await s3('GET', '/bkt/a')).body, body, 'what was to be replaced is what it was')
    t.equal((await s3('GET', '/bkt/new')).status, 404)
    t.equal((await s3('DELETE', '/bkt/a')).status, 204)
    t.equal((await swift('DELETE', '/bkt/b')).status, 204)
    t.same((await s3('GET', '/bkt/c')).body, body, 'reads go on')

    rmSync(ballast)
    t.equal((await s3('PUT', '/bkt/new', big)).status, 200, 'writes come back with the room')
    t.equal((await swift('PUT', '/bkt/new', big)).status, 201)
    t.equal(node.coffer.impaired(), null)
  },
)
