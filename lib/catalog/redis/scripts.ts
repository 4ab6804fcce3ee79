// The Lua scripts of the catalog. Each runs as one call, at one point in time, and touches keys of one hash
// slot. Every script first checks that Redis still holds this node's catalog, at its commit number or a later
// one. A failover or a restore can put an emptied or older copy behind an open connection.
import { createHash } from 'node:crypto'
import { STORED_VERSION } from '../../format-version.ts'
import { commitText, VOID_COMMITS } from './commit-script.ts'

export interface Script {
  readonly text: string
  readonly sha: string
}

/** The form in which `Link` runs a script. */
export const script = (text: string): Script => ({
  text,
  sha: createHash('sha1').update(text).digest('hex'),
})

/** The number of the layout of rows and keys in Redis. */
export const LAYOUT = String(STORED_VERSION)

/**
 * ARGV 1 and 2 of every script but `create`: the catalog's id, and the highest commit number seen. KEYS of
 * every script: about (hash), rows (hash), keys (sorted set), done (sorted set), before (hash), before-keys
 * (sorted set).
 */
export const guard = `
local about = redis.call('HMGET', KEYS[1], 'id', 'number')
if about[1] ~= ARGV[1] then return {'foreign', 0, about[1] or ''} end
local number = tonumber(about[2])
if number < tonumber(ARGV[2]) then return {'behind', number} end
`

const create = `
local about = redis.call('HMGET', KEYS[1], 'id', 'number', 'layout', 'copyOf')
if about[1] then return {'ok', tonumber(about[2]), about[1], about[3] or ''} end
if about[4] then return {'unfinished'} end
if redis.call('EXISTS', KEYS[2], KEYS[3]) > 0 then return {'headless'} end
if ARGV[1] == '' then return {'empty'} end
redis.call('HSET', KEYS[1], 'id', ARGV[1], 'number', ARGV[2], 'layout', ARGV[3])
return {'ok', tonumber(ARGV[2]), ARGV[1], ARGV[3]}
`

const get = `${guard}
return {'ok', number, redis.call('HMGET', KEYS[2], unpack(ARGV, 3))}
`

/** Reads a page. Long groups are skipped with a jump, short ones read through: a jump costs as much as some 20
 * keys. ARGV: from, to, entries wanted, 1 for reverse, prefix, delimiter (empty: no groups). No UTF-8 key has
 * a byte FF, so that a group followed by FF sorts behind every key of the group. */
const page = `${guard}
local from, to, count, reverse = '[' .. ARGV[3], '(' .. ARGV[4], tonumber(ARGV[5]), ARGV[6] == '1'
local prefix, delimiter = ARGV[7], ARGV[8]
local function read(limit)
  if reverse then return redis.call('ZREVRANGEBYLEX', KEYS[3], to, from, 'LIMIT', 0, limit) end
  return redis.call('ZRANGEBYLEX', KEYS[3], from, to, 'LIMIT', 0, limit)
end

if delimiter == '' then
  local keys = read(count)
  local values = {}
  if #keys > 0 then values = redis.call('HMGET', KEYS[2], unpack(keys)) end
  return {'ok', number, '', keys, values}
end

local PROBE, CHUNK_MAX, JUMPS_PER_PROBE = 32, 256, 16
local names, kinds, keys = {}, {}, {}
local size, jumps, found = math.min(count, PROBE), 0, 0
local group
while found < count do
  local chunk = read(size)
  local before = found
  for i = 1, #chunk do
    local key = chunk[i]
    if not group or string.sub(key, 1, #group) ~= group then
      local at, stop
      if string.sub(key, 1, #prefix) == prefix then
        at, stop = string.find(key, delimiter, #prefix + 1, true)
      end
      found = found + 1
      if at then
        group = string.sub(key, 1, stop)
        names[found], kinds[found] = group, 'g'
      else
        group = nil
        names[found], kinds[found] = key, 'r'
        keys[#keys + 1] = key
      end
      if found == count then break end
    end
  end
  if #chunk < size then break end
  if group and (size == 1 or (found - before) * PROBE <= #chunk) then
    if reverse then to = '(' .. group else from = '[' .. group .. '\\255' end
    jumps = jumps + 1
    size = jumps % JUMPS_PER_PROBE == 0 and PROBE or 1
  else
    local last = chunk[#chunk]
    if reverse then to = '(' .. last else from = '(' .. last end
    size = math.min(size * 4, CHUNK_MAX)
  end
end
local values = {}
if #keys > 0 then values = redis.call('HMGET', KEYS[2], unpack(keys)) end
return {'ok', number, table.concat(kinds), names, values}
`

/** Changes nothing, and checks that Redis holds this catalog. */
const look = `${guard}
return {'ok', number}
`

/** Changes nothing, with a command that Redis refuses where it takes no writes: full, read-only, without a
 * disk. */
const tryWrite = `${guard}
redis.call('HINCRBY', KEYS[1], 'number', 0)
return {'ok', number}
`

/** Settles commits in doubt whose callers were answered. A commit that was not done becomes void, so that it
 * cannot be done late. ARGV: their ids. Returns 1 for each that was done, else 0. Runs also where Redis is
 * full. */
const settle = `#!lua flags=allow-oom
${guard}
local done = {}
for i = 3, #ARGV do
  if redis.call('ZSCORE', KEYS[4], ARGV[i] .. 'd') then
    done[i - 2] = 1
  else
    redis.call('ZADD', KEYS[4], number + ${VOID_COMMITS}, ARGV[i] .. 'v')
    done[i - 2] = 0
  end
end
return {'ok', number, done}
`

/** Raises the commit number, for a catalog that is older than its volumes and that an operator has accepted.
 * ARGV: the number. Runs also where Redis is full. */
const advance = `#!lua flags=allow-oom
${guard}
if tonumber(ARGV[3]) > number then
  number = tonumber(ARGV[3])
  redis.call('HSET', KEYS[1], 'number', ARGV[3])
end
return {'ok', number}
`

export const scripts = {
  create: script(create),
  get: script(get),
  page: script(page),
  commit: script(guard + commitText),
  look: script(look),
  tryWrite: script(tryWrite),
  settle: script(settle),
  advance: script(advance),
} as const
