-- A page of an event's winners, for an edge that tells everybody else "sold out" from memory.
--
-- KEYS  state, wins (both in the event's slot)
-- ARGV  cursor (0 begins), count
-- Returns {} where the event's state or its wins are missing or this process may not answer for the
--   event, else
--   {epoch, sequence, cursor (0: that was all), user 1 .. user n}
-- HSCAN returns every winner that was there from the first page to the last, so all winners up to
-- the first page's sequence are among those of all pages; a user may come twice.

local epoch, identity, sequence, held = unpack(
  redis.call('HMGET', KEYS[1], 'epoch', 'identity', 'sequence', 'held'))
local replid = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
if not epoch or identity ~= replid then
  return {}
end
if tonumber(held) > 0 and redis.call('EXISTS', KEYS[2]) == 0 then
  return {}
end

local page = redis.call('HSCAN', KEYS[2], ARGV[1], 'COUNT', ARGV[2])
local reply = { tonumber(epoch), tonumber(sequence), page[1] }
local fields = page[2]
for i = 1, #fields, 2 do
  reply[#reply + 1] = fields[i]
end
return reply
