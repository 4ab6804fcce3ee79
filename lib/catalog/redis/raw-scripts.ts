// Scripts for copying whole catalogs that no node has open. KEYS as in scripts.ts: about, rows, keys, done,
// before, before-keys. Each copy into Redis has a random mark. A copy that begins meanwhile replaces the mark,
// and the first can add nothing any more.
import { script } from './scripts.ts'

const state = `
local about = redis.call('HMGET', KEYS[1], 'id', 'number', 'layout', 'copyOf', 'copyNumber')
if about[1] then return {'catalog', about[1], about[2], about[3] or ''} end
if about[4] then return {'unfinished', about[4], about[5], about[3] or ''} end
if redis.call('EXISTS', KEYS[1], KEYS[2], KEYS[3]) > 0 then return {'headless'} end
return {'empty'}
`

/** ARGV: the key behind which the rows begin (empty: at the first), and the number of rows. */
const rowsBehind = `
local from = ARGV[1] == '' and '-' or '(' .. ARGV[1]
local keys = redis.call('ZRANGEBYLEX', KEYS[3], from, '+', 'LIMIT', 0, tonumber(ARGV[2]))
local rows = {}
if #keys > 0 then rows = redis.call('HMGET', KEYS[2], unpack(keys)) end
return {'ok', keys, rows}
`

/** Begins a copy in the place of any unfinished one, but not of a catalog. ARGV, here and below: the mark.
 * Then: the source's id, its commit number, the layout. */
const begin = `
if redis.call('HMGET', KEYS[1], 'id')[1] then return {'lost'} end
redis.call('UNLINK', unpack(KEYS))
redis.call(
  'HSET', KEYS[1], 'copyMark', ARGV[1], 'copyOf', ARGV[2], 'copyNumber', ARGV[3], 'layout', ARGV[4]
)
return {'ok'}
`

const guard = `
if redis.call('HMGET', KEYS[1], 'copyMark')[1] ~= ARGV[1] then return {'lost'} end
`

/** ARGV behind the mark: key and framed row, in turns. */
const put = `${guard}
local members = {}
for i = 2, #ARGV, 2 do
  members[#members + 1] = 0
  members[#members + 1] = ARGV[i]
end
if #ARGV > 1 then
  redis.call('HSET', KEYS[2], unpack(ARGV, 2))
  redis.call('ZADD', KEYS[3], unpack(members))
end
return {'ok'}
`

/** ARGV as of `begin`. */
const finish = `${guard}
redis.call('HSET', KEYS[1], 'id', ARGV[2], 'number', ARGV[3], 'layout', ARGV[4])
redis.call('HDEL', KEYS[1], 'copyMark', 'copyOf', 'copyNumber')
return {'ok'}
`

/** Removes the unfinished copy. */
const drop = `${guard}
redis.call('UNLINK', unpack(KEYS))
return {'ok'}
`

export const rawScripts = {
  state: script(state),
  rowsBehind: script(rowsBehind),
  begin: script(begin),
  put: script(put),
  finish: script(finish),
  drop: script(drop),
} as const
