-- How an event stands on its shard.
--
-- KEYS  state
-- Returns {} where the event's state is missing or this process may not answer for the event, else
--   {phase, stock, held, limit, opens, closes, ms}

local phase, stock, held, limit, opens, closes, identity = unpack(
  redis.call('HMGET', KEYS[1], 'phase', 'stock', 'held', 'limit', 'opens', 'closes', 'identity'))
local replid = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
if not phase or identity ~= replid then
  return {}
end
local time = redis.call('TIME')
return { phase, tonumber(stock), tonumber(held), tonumber(limit), tonumber(opens),
  tonumber(closes), time[1] * 1000 + math.floor(time[2] / 1000) }
