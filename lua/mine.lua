-- A user's wins of an event.
--
-- KEYS  state, wins (both in the event's slot)
-- ARGV  user
-- Returns {} where the event's state or its wins are missing or this process may not answer for the
--   event, else
--   {epoch, wins}: 'win;win;..' as contract/src/coupon.rs reads them, '' when there are none.

local epoch, identity, held = unpack(
  redis.call('HMGET', KEYS[1], 'epoch', 'identity', 'held'))
local replid = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
if not epoch or identity ~= replid then
  return {}
end
local wins = redis.call('HGET', KEYS[2], ARGV[1])
if not wins and tonumber(held) > 0 and redis.call('EXISTS', KEYS[2]) == 0 then
  return {}
end
return { tonumber(epoch), wins or '' }
