// The commit as a Lua script: expectations, then sums, then all changes or none. The commit's id is kept for a
// while, as done or as void. A commit that is sent again because its answer was lost therefore has no second
// effect, and one that was abandoned or refused cannot take effect late.
import { keepText, ROW_OVERHEAD_BYTES, watchText } from './before-script.ts'

/** The id of a commit is kept until so many more were done. That is longer than any node waits for its answer,
 * takes some 6 MB of memory, and needs no clock. */
const DONE_COMMITS = 65_536
/** A void commit may still lie in some network buffer. Its id is kept for longer, because there are few. */
export const VOID_COMMITS = 16 * DONE_COMMITS
/** Old ids are removed once in so many commits. */
const FORGET_COMMITS = 128

/**
 * Tables for CRC-32 four bytes at a time, by half bytes, the lowest first. A script has no lasting state, so
 * that the tables are part of its text and made at each run. Small tables are made faster than large ones save
 * time.
 */
function crcTables(): string {
  const behind = (register: number) => {
    let crc = register
    for (let bit = 0; bit < 32; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
    return crc >>> 0
  }
  return Array.from({ length: 128 }, (_, i) => behind((i % 16) << (4 * (i >> 4)))).join(',')
}

/**
 * Follows the guard, which sets `number`. ARGV from 3: the commit id (16 bytes); 1 where the commit was sent
 * before; the number of rows in each list (expect, put, del, add); all their keys; the expected revisions (16
 * bytes, or empty for absence); the framed rows; and for each add the CRC registers after key and kind, and
 * after key, kind and revision (4 bytes each), then its deltas (8 bytes each, big-endian).
 *
 * For an expectation that fails, the script returns the row, and the caller verifies its checksum: in Lua that
 * would cost more than all the rest. Where the revision matches, the row is the one that the caller has read.
 * The checksum of a counter row is verified in the script, because the new row is made from the old one.
 */
export const commitText = `
local id, again = ARGV[3], ARGV[4] == '1'
local expects, puts, dels, adds =
  tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local total = expects + puts + dels + adds
local known = redis.call('ZMSCORE', KEYS[4], id .. 'd', id .. 'v')
if known[1] then return {'done', number} end
if known[2] then return {'void', number} end

local function refuse(what, at, row)
  -- Sent again, the first copy may still arrive: what is answered now must stay true.
  if again then
    redis.call('ZADD', KEYS[4], number + ${VOID_COMMITS}, id .. 'v')
  end
  return {what, number, at, row or ''}
end

local old = {}
if total > 0 then old = redis.call('HMGET', KEYS[2], unpack(ARGV, 9, 8 + total)) end
local function keyAt(at) return ARGV[8 + at] end

for i = 1, expects do
  local row = old[i]
  if (row and string.sub(row, 2, 17) or '') ~= ARGV[8 + total + i] then
    return refuse('conflict', i, row)
  end
end

-- New bytes by place in the lists; growth tells whether the catalog will take more memory.
local new, growth = {}, 0
for i = expects + 1, expects + puts do
  if old[i] and string.byte(old[i]) == 2 then return refuse('counters', i) end
  new[i] = ARGV[8 + total + i]
end

if adds > 0 then
  local bxor, steps = bit.bxor, {${crcTables()}}
  -- Of a text of whole words. Numbers are doubles, and bit.bxor gives them a sign; % and / floor.
  local function crc(register, text)
    local words = {struct.unpack('<' .. string.rep('I4', #text / 4), text)}
    local mixed = bxor(register, words[1])
    for i = 2, #words do
      local a = mixed % 16
      mixed = (mixed - a) / 16
      local b = mixed % 16
      mixed = (mixed - b) / 16
      local c = mixed % 16
      mixed = (mixed - c) / 16
      local d = mixed % 16
      mixed = (mixed - d) / 16
      local e = mixed % 16
      mixed = (mixed - e) / 16
      local f = mixed % 16
      mixed = (mixed - f) / 16
      local g = mixed % 16
      mixed = (mixed - g) / 16
      -- The last of what unpack gives is a position.
      local word = i < #words and words[i] or 0
      mixed = bxor(
        steps[a + 1], steps[b + 17], steps[c + 33], steps[d + 49],
        steps[e + 65], steps[f + 81], steps[g + 97], steps[mixed % 16 + 113], word
      )
    end
    return mixed
  end
  local function sealed(register) return bit.bnot(register) % 4294967296 end

  for i = expects + puts + dels + 1, total do
    local row, pack = old[i], ARGV[8 + total + i - dels]
    local values = {}
    if row then
      local sound = #row >= 21 and #row % 8 == 5 and string.byte(row) == 2
      if sound then
        local register = crc(struct.unpack('>I4', pack), string.sub(row, 2, -5))
        sound = sealed(register) == struct.unpack('>I4', row, #row - 3)
      end
      if not sound then return refuse('plain', i, row) end
      for at = 18, #row - 4, 8 do values[#values + 1] = (struct.unpack('>i8', row, at)) end
    end
    local deltas = (#pack - 8) / 8
    local sums = {}
    for n = 1, math.max(#values, deltas) do
      local sum = values[n] or 0
      if n <= deltas then sum = sum + (struct.unpack('>i8', pack, 1 + 8 * n)) end
      if sum < 0 then return refuse('below', i) end
      if sum > 9007199254740991 then return refuse('beyond', i) end
      sums[n] = struct.pack('>i8', sum)
    end
    local text = table.concat(sums)
    local register = crc(struct.unpack('>I4', pack, 5), text)
    new[i] = string.char(2) .. id .. text .. struct.pack('>I4', sealed(register))
  end
end
if total == expects then return {'done', number} end

${watchText}
local sets, members, gone = {}, {}, {}
for i = expects + 1, total do
  local key, row = keyAt(i), new[i]
  if row then
    sets[#sets + 1] = key
    sets[#sets + 1] = row
    growth = growth + #row
    if old[i] then
      growth = growth - #old[i]
    else
      members[#members + 1] = 0
      members[#members + 1] = key
      growth = growth + 2 * #key + ${ROW_OVERHEAD_BYTES}
    end
  elseif old[i] then
    gone[#gone + 1] = key
    growth = growth - #old[i] - 2 * #key - ${ROW_OVERHEAD_BYTES}
  end
end
local function remove()
  if #gone == 0 then return end
  redis.call('HDEL', KEYS[2], unpack(gone))
  redis.call('ZREM', KEYS[3], unpack(gone))
end
-- Redis refuses a script where it is full at the first command that takes memory, not behind a change:
-- a commit that gives memory back is let through by what it removes.
if growth <= 0 then remove() end
if #sets > 0 then redis.call('HSET', KEYS[2], unpack(sets)) end
if #members > 0 then redis.call('ZADD', KEYS[3], unpack(members)) end
if growth > 0 then remove() end
${keepText}
number = redis.call('HINCRBY', KEYS[1], 'number', 1)
redis.call('ZADD', KEYS[4], number + ${DONE_COMMITS}, id .. 'd')
if number % ${FORGET_COMMITS} == 0 then redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', number) end
return {'done', number}
`
