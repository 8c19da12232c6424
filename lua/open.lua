-- Ends an arming: the shard carries all of MySQL's row, and its process may answer.
--
-- KEYS  state
-- ARGV  epoch, armer, replid (the three that arm.lua began with), then
--       phase, stock, limit, opens, closes, version, held, sequence
-- Returns {'opened'}, or {'moved', epoch} where another arming, or another process, has it.
-- The same call again answers the same, and changes nothing. persister/src/control/shard.rs
-- calls it.

local epoch, armer, replid = ARGV[1], ARGV[2], ARGV[3]
local phase, stock, limit, opens, closes, version, held, sequence = unpack(ARGV, 4)

local known_epoch, known_armer, known_phase, known_identity =
  unpack(redis.call('HMGET', KEYS[1], 'epoch', 'armer', 'phase', 'identity'))
local now = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
if known_epoch ~= epoch or known_armer ~= armer or now ~= replid then
  return { 'moved', tonumber(known_epoch or 0) }
end
if known_phase ~= 'arming' then
  -- Claims may have come since: held and sequence are the shard's own now.
  if known_identity == replid then
    return { 'opened' }
  end
  return { 'moved', tonumber(known_epoch) }
end

local run_id = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local config_epoch = string.match(redis.call('CLUSTER', 'INFO'), 'cluster_my_epoch:(%d+)')
redis.call('HSET', KEYS[1], 'phase', phase, 'stock', stock, 'limit', limit, 'opens', opens,
  'closes', closes, 'version', version, 'held', held, 'sequence', sequence,
  'identity', replid, 'run_id', run_id, 'config_epoch', config_epoch)
return { 'opened' }
