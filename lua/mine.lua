-- A user's wins of an event.
--
-- KEYS  state, wins (both in the event's slot)
-- ARGV  user
-- Returns {} where the event's state is missing or this process may not answer for the event, else
--   {epoch, wins}: 'win;win;..' as contract/src/coupon.rs reads them, '' when there are none.

local epoch, identity = unpack(redis.call('HMGET', KEYS[1], 'epoch', 'identity'))
local replid = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
if not epoch or identity ~= replid then
  return {}
end
return { tonumber(epoch), redis.call('HGET', KEYS[2], ARGV[1]) or '' }
