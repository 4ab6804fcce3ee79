// What a commit does for a backup that is under way: it keeps the former content of each row that it changes
// and that the backup has not yet read. These texts are parts of the commit script, so that the commit and what
// it keeps are one step. A commit never fails because of a backup: where Redis is full, or too much would be
// kept, the backup is abandoned.

/** About what a row takes in Redis beside its value and twice its key: two dictionaries and a skip list. */
export const ROW_OVERHEAD_BYTES = 180
/** Most bytes that are kept for one backup. */
export const BEFORE_BYTES_MAX = 256 << 20
/** Bytes of a backup's id. A value of another length says why the backup was abandoned. */
export const BACKUP_ID_BYTES = 16

/**
 * Fields of the hash `before` that are no rows' keys (keys are UTF-8): the backup's id, the key up to which it
 * has read, the commit number up to which commits kept former rows, and about how many bytes those take.
 */
export const beforeFields = {
  backup: '\\255backup',
  after: '\\255after',
  number: '\\255number',
  bytes: '\\255bytes',
} as const

const { backup, after, number, bytes } = beforeFields

/**
 * Runs before the first change. HINCRBY is refused where Redis is full, while a commit that only removes rows
 * is not.
 */
export const watchText = `
local kept = redis.call('HMGET', KEYS[5], '${backup}', '${after}')
local keeps, full = kept[1] and #kept[1] == ${BACKUP_ID_BYTES}, false
if keeps then
  full = type(redis.pcall('HINCRBY', KEYS[5], '${number}', 1)) == 'table'
end
`

/**
 * Runs behind the last change, where Redis refuses nothing for want of memory any more. Bytes are compared one
 * by one, because Lua compares strings by the server's locale. Commands that only a backup needs are in the
 * backup's own scripts, so that a user without the right to them can still commit.
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
