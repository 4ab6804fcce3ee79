// Scripts for a snapshot of the catalog: one begins it, one reads its rows page by page, one ends it. Commits
// meanwhile keep the former content of rows (before-script.ts); each page drops what earlier pages have passed.
// All of it expires by itself when no page is read any more.
import { BACKUP_ID_BYTES, beforeFields } from './before-script.ts'
import { guard, script } from './scripts.ts'

/** How long the snapshot lives after the last page. */
const HOLD_MS = 60_000
/** Rows in a page. */
export const SNAPSHOT_PAGE_ROWS = 500

const { backup, after, number, bytes } = beforeFields
/** How many more entries the hash has than the sorted set. The sorted set has one entry with an empty name, so
 * that both exist, and expire together, before any row is kept. */
const MORE_FIELDS = Object.keys(beforeFields).length - 1

const hold = `
redis.call('PEXPIRE', KEYS[5], ${HOLD_MS})
redis.call('PEXPIRE', KEYS[6], ${HOLD_MS})
`

/** ARGV: the backup's id. All three scripts run also where Redis is full. PEXPIRE runs before anything is
 * written: a user without the right to it must leave nothing that never expires. */
const begin = `#!lua flags=allow-oom
${guard}
local other = redis.call('HMGET', KEYS[5], '${backup}')[1]
if other and #other == ${BACKUP_ID_BYTES} then return {'busy', number} end
redis.call('UNLINK', KEYS[5], KEYS[6])
${hold}
redis.call('HSET', KEYS[5], '${backup}', ARGV[3], '${after}', '', '${number}', about[2], '${bytes}', 0)
redis.call('ZADD', KEYS[6], 0, '')
${hold}
return {'ok', number}
`

/**
 * ARGV: the backup's id, and the key behind which the page begins. All rows up to that key have arrived, so
 * that a page whose answer was lost can be read again. The snapshot is lost where `number` differs: another
 * program, which keeps no former rows, has committed.
 */
const page = `#!lua flags=allow-oom
${guard}
local kept = redis.call('HMGET', KEYS[5], '${backup}', '${number}')
if kept[1] ~= ARGV[3] then return {'lost', number, kept[1] or ''} end
local fields, held = redis.call('HLEN', KEYS[5]), redis.call('ZCARD', KEYS[6])
if tonumber(kept[2]) ~= number or fields ~= held + ${MORE_FIELDS} then return {'lost', number, 'torn'} end
redis.call('HSET', KEYS[5], '${after}', ARGV[4])
local passed
repeat
  passed = redis.call('ZRANGEBYLEX', KEYS[6], '(', '[' .. ARGV[4], 'LIMIT', 0, ${SNAPSHOT_PAGE_ROWS})
  if #passed > 0 then
    redis.call('HDEL', KEYS[5], unpack(passed))
    redis.call('ZREM', KEYS[6], unpack(passed))
  end
until #passed < ${SNAPSHOT_PAGE_ROWS}
${hold}
local function read(names, values)
  local range = {'(' .. ARGV[4], '+', 'LIMIT', 0, ${SNAPSHOT_PAGE_ROWS}}
  local found = redis.call('ZRANGEBYLEX', names, unpack(range))
  if #found == 0 then return found, {} end
  return found, redis.call('HMGET', values, unpack(found))
end
local keys, rows = read(KEYS[3], KEYS[2])
local names, before = read(KEYS[6], KEYS[5])
return {'ok', number, keys, rows, names, before}
`

/** ARGV: the backup's id. */
const end = `#!lua flags=allow-oom
${guard}
if redis.call('HMGET', KEYS[5], '${backup}')[1] == ARGV[3] then redis.call('UNLINK', KEYS[5], KEYS[6]) end
return {'ok', number}
`

export const snapshotScripts = {
  begin: script(begin),
  page: script(page),
  end: script(end),
} as const
