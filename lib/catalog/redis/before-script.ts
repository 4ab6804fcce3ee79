// What a commit does for a backup that is under way: it keeps each row that it changes as it was, once, where
// the backup has still to come by. Parts of the commit script, so a commit and what it keeps are one step.
// A commit never fails for a backup: where Redis is full, or too much would be kept, the backup is given up.

/** What a row takes in Redis beside its value and twice its key, about: two dictionaries and a skip list. */
export const ROW_OVERHEAD_BYTES = 180
/** Most that is kept for one backup. */
export const BEFORE_BYTES_MAX = 256 << 20
/** Bytes of a backup's id. What stands in its place is why the backup was given up. */
export const BACKUP_ID_BYTES = 16

/**
 * Names in the hash `before` that are no rows' keys, which are UTF-8: the backup's id, the key up to which it has
 * read, the commit number up to which commits kept what they changed, and about how many bytes that is.
 */
export const beforeFields = {
  backup: '\\255backup',
  after: '\\255after',
  number: '\\255number',
  bytes: '\\255bytes',
} as const

const { backup, after, number, bytes } = beforeFields

/**
 * Before the first change. Counting the commit is also what finds out whether Redis is full: that is refused
 * then, while a commit that only removes rows is not.
 */
export const watchText = `
local kept = redis.call('HMGET', KEYS[5], '${backup}', '${after}')
local keeps, full = kept[1] and #kept[1] == ${BACKUP_ID_BYTES}, false
if keeps then
  full = type(redis.pcall('HINCRBY', KEYS[5], '${number}', 1)) == 'table'
end
`

/**
 * Behind the last change, where Redis refuses nothing for want of memory any more. Compares bytes by itself:
 * Lua compares strings by the server's locale. Commands that only a backup needs are left to the backup's own
 * scripts, so that a user who lacks them can still commit.
 */
export const keepText = `
if keeps and full then
  redis.call('HSET', KEYS[5], '${backup}', 'full')
elseif keeps then
  local byte, after = string.byte, kept[2]
  local function isBehind(key)
    for at = 1, math.min(#key, #after) do
      local a, b = byte(key, at), byte(after, at)
      if a ~= b then return a > b end
    end
    return #key > #after
  end
  local places, names = {}, {}
  for i = expects + 1, total do
    if (new[i] or old[i]) and isBehind(keyAt(i)) then
      places[#places + 1] = i
      names[#names + 1] = keyAt(i)
    end
  end
  if #names > 0 then
    local held = redis.call('ZMSCORE', KEYS[6], unpack(names))
    local entries, scores, size = {}, {}, 0
    for n = 1, #names do
      if not held[n] then
        local row = old[places[n]] or ''
        entries[#entries + 1] = names[n]
        entries[#entries + 1] = row
        scores[#scores + 1] = 0
        scores[#scores + 1] = names[n]
        size = size + #row + 2 * #names[n] + ${ROW_OVERHEAD_BYTES}
      end
    end
    if #entries > 0 then
      redis.call('HSET', KEYS[5], unpack(entries))
      redis.call('ZADD', KEYS[6], unpack(scores))
      if redis.call('HINCRBY', KEYS[5], '${bytes}', size) > ${BEFORE_BYTES_MAX} then
        redis.call('HSET', KEYS[5], '${backup}', 'much')
      end
    end
  end
end
`
