-- Deletes all keys of an event whose wins are rows.
--
-- KEYS  state, wins, outbox, expiry (all in the event's slot)
-- ARGV  epoch and version that MySQL has
-- Returns {'archived', keys that there were, replid of the process that has none now}, or
--   {'moved', epoch, version, phase}   the shard knows more than MySQL
-- UNLINK frees a hash of millions beside the main thread: this takes as long for any number of wins.
-- The same call again answers the same. persister/src/control/shard.rs calls it.

local epoch, version, phase = unpack(redis.call('HMGET', KEYS[1], 'epoch', 'version', 'phase'))
epoch, version = tonumber(epoch or 0), tonumber(version or 0)
if epoch > tonumber(ARGV[1]) or version > tonumber(ARGV[2]) then
  return { 'moved', epoch, version, phase }
end
local replid = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
return { 'archived', redis.call('UNLINK', unpack(KEYS)), replid }
