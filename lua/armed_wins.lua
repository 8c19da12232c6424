-- A page of the wins of an event that is being armed, for uniting them with MySQL.
--
-- KEYS  state, wins (both in the event's slot)
-- ARGV  epoch, armer, replid (the three that arm.lua began with), cursor (0 begins), count
-- Returns {'page', cursor (0: that was all), {user 1, wins 1, user 2, wins 2 ..}}, or
--   {'moved', epoch} where another arming, or another process, has it.
-- Nothing is granted while arming, so all pages together are all wins; a user may come twice.
-- persister/src/control/shard.rs calls it.

local epoch, armer, replid = ARGV[1], ARGV[2], ARGV[3]
local known_epoch, known_armer, phase =
  unpack(redis.call('HMGET', KEYS[1], 'epoch', 'armer', 'phase'))
local now = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
if known_epoch ~= epoch or known_armer ~= armer or now ~= replid or phase ~= 'arming' then
  return { 'moved', tonumber(known_epoch or 0) }
end

local page = redis.call('HSCAN', KEYS[2], ARGV[4], 'COUNT', ARGV[5])
return { 'page', page[1], page[2] }
