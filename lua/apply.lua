-- Carries a change by operators to an open shard, or takes its second step.
--
-- KEYS  state
-- ARGV  epoch, identity, version and phase that the shard must have, then
--       phase, stock, limit, opens, closes, version
-- Returns {'applied'}, or
--   {'moved', epoch, version, phase}   the shard stands otherwise
--   {'held', units}                    winners hold more than the new stock
-- persister/src/control/shard.rs calls it.

local epoch, identity, version, phase = unpack(ARGV, 1, 4)
local new_phase, stock, limit, opens, closes, new_version = unpack(ARGV, 5)

local known_epoch, known_identity, known_version, known_phase, held =
  unpack(redis.call('HMGET', KEYS[1], 'epoch', 'identity', 'version', 'phase', 'held'))
local now = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
if known_epoch ~= epoch or known_identity ~= identity or now ~= identity
  or known_version ~= version or known_phase ~= phase then
  return { 'moved', tonumber(known_epoch or 0), tonumber(known_version or 0), known_phase }
end
if tonumber(held) > tonumber(stock) then
  return { 'held', tonumber(held) }
end
redis.call('HSET', KEYS[1], 'phase', new_phase, 'stock', stock, 'limit', limit, 'opens', opens,
  'closes', closes, 'version', new_version)
return { 'applied' }
