-- Gives users of an event that is being armed the wins that MySQL has of them.
--
-- KEYS  state, wins (both in the event's slot)
-- ARGV  epoch, armer, replid (the three that arm.lua began with), then n x (user, wins); '' takes
--       a user's wins away
-- Returns {'put', users that had other wins}, or
--   {'moved', epoch} where another arming, or another process, has it.
-- The same call again changes nothing. persister/src/control/shard.rs calls it.

local epoch, armer, replid = ARGV[1], ARGV[2], ARGV[3]
local FIRST_USER = 4

local known_epoch, known_armer, phase =
  unpack(redis.call('HMGET', KEYS[1], 'epoch', 'armer', 'phase'))
local now = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
if known_epoch ~= epoch or known_armer ~= armer or now ~= replid or phase ~= 'arming' then
  return { 'moved', tonumber(known_epoch or 0) }
end

local users = {}
for i = FIRST_USER, #ARGV, 2 do
  users[#users + 1] = ARGV[i]
end
local found = redis.call('HMGET', KEYS[2], unpack(users))
local put, gone = {}, {}
for i, user in ipairs(users) do
  local wins = ARGV[FIRST_USER + 2 * i - 1]
  if wins == '' then
    if found[i] then
      gone[#gone + 1] = user
    end
  elseif found[i] ~= wins then
    put[#put + 1], put[#put + 2] = user, wins
  end
end
if #put > 0 then
  redis.call('HSET', KEYS[2], unpack(put))
end
if #gone > 0 then
  redis.call('HDEL', KEYS[2], unpack(gone))
end
return { 'put', #put / 2 + #gone }
