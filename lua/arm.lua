-- Begins to arm an event on its shard: from here it carries the new epoch and grants nothing.
--
-- KEYS  state
-- ARGV  epoch, armer, lowest config epoch that may be armed
-- Returns {'armed', replid, run id, config epoch} of the process that did it, or
--   {'replica'}                   it is not a master (any more)
--   {'older', config epoch}       a master that was replaced before: its config epoch is lower
--   {'ahead', epoch}              the shard carries this epoch of another arming, or a higher one
-- The same call again answers the same. persister/src/control/shard.rs calls it.

local epoch, armer, lowest = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])

local replication = redis.call('INFO', 'replication')
if not string.find(replication, 'role:master', 1, true) then
  return { 'replica' }
end
local config_epoch =
  tonumber(string.match(redis.call('CLUSTER', 'INFO'), 'cluster_my_epoch:(%d+)'))
if config_epoch < lowest then
  return { 'older', config_epoch }
end

local known, known_armer = unpack(redis.call('HMGET', KEYS[1], 'epoch', 'armer'))
local again = tonumber(known or 0) == epoch and known_armer == armer
if known and tonumber(known) >= epoch and not again then
  return { 'ahead', tonumber(known) }
end

-- The empty identity is no process's: claim.lua answers "fenced" from here on.
redis.call('HSET', KEYS[1], 'epoch', epoch, 'phase', 'arming', 'armer', armer, 'identity', '')
-- What an event has that was never armed; one that was keeps its own.
for _, field in ipairs({ 'opens', 'closes', 'stock', 'held', 'sequence', 'limit', 'version' }) do
  redis.call('HSETNX', KEYS[1], field, 0)
end

local replid = string.match(replication, 'master_replid:(%x+)')
local run_id = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
return { 'armed', replid, run_id, config_epoch }
