// Scripts for a catalog that no node has open: what lies in its place, its rows as they lie, and a copy into
// it. KEYS as in scripts.ts: about, rows, keys, done.
import { script } from './scripts.ts'

const state = `
local about = redis.call('HMGET', KEYS[1], 'id', 'number', 'layout', 'copyOf', 'copyNumber')
if about[1] then return {'catalog', about[1], about[2], about[3] or ''} end
if about[4] then return {'unfinished', about[4], about[5], about[3] or ''} end
if redis.call('EXISTS', KEYS[1], KEYS[2], KEYS[3]) > 0 then return {'headless'} end
return {'empty'}
`

/** ARGV: the key behind which to begin (empty: at the first), how many rows. */
const rowsBehind = `
local from = ARGV[1] == '' and '-' or '(' .. ARGV[1]
local keys = redis.call('ZRANGEBYLEX', KEYS[3], from, '+', 'LIMIT', 0, tonumber(ARGV[2]))
local rows = {}
if #keys > 0 then rows = redis.call('HMGET', KEYS[2], unpack(keys)) end
return {'ok', keys, rows}
`

/** ARGV: the source's id, its commit number, the layout. */
const begin = `
redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
redis.call('HSET', KEYS[1], 'copyOf', ARGV[1], 'copyNumber', ARGV[2], 'layout', ARGV[3])
return {'ok'}
`

/** ARGV: key and framed row, in turns. */
const put = `
local members = {}
for i = 1, #ARGV, 2 do
  members[i] = 0
  members[i + 1] = ARGV[i]
end
if #ARGV > 0 then
  redis.call('HSET', KEYS[2], unpack(ARGV))
  redis.call('ZADD', KEYS[3], unpack(members))
end
return {'ok'}
`

/** ARGV as of begin. */
const finish = `
if redis.call('HMGET', KEYS[1], 'copyOf')[1] ~= ARGV[1] then return {'lost'} end
redis.call('HSET', KEYS[1], 'id', ARGV[1], 'number', ARGV[2], 'layout', ARGV[3])
redis.call('HDEL', KEYS[1], 'copyOf', 'copyNumber')
return {'ok'}
`

export const rawScripts = {
  state: script(state),
  rowsBehind: script(rowsBehind),
  begin: script(begin),
  put: script(put),
  finish: script(finish),
} as const
