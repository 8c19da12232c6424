-- Carries a change by operators to an open shard, or takes its second step.
--
-- KEYS  state
-- ARGV  epoch, identity, version, phase and moves that the shard must have, then
--       phase, stock, limit, opens, closes, version
-- Returns {'applied'}, or
--   {'moved', epoch, version, phase}   the shard stands otherwise
--   {'held', units}                    winners hold more than the new stock of an open event
-- persister/src/control/shard.rs calls it.

local epoch, identity, version, phase, moves = unpack(ARGV, 1, 5)
local new_phase, stock, limit, opens, closes, new_version = unpack(ARGV, 6)

local known_epoch, known_identity, known_version, known_phase, held, known_stock, known_moves =
  unpack(redis.call('HMGET', KEYS[1], 'epoch', 'identity', 'version', 'phase', 'held', 'stock',
    'moves'))
local now = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
if known_epoch ~= epoch or known_identity ~= identity or now ~= identity
  or known_version ~= version or known_phase ~= phase or (known_moves or '0') ~= moves then
  return { 'moved', tonumber(known_epoch or 0), tonumber(known_version or 0), known_phase }
end
-- Pausing and closing are never refused: nothing is granted after them.
local stopped = new_phase == 'paused' or new_phase == 'closed'
if tonumber(held) > tonumber(stock) and tonumber(known_stock) > tonumber(stock) and not stopped then
  return { 'held', tonumber(held) }
end
redis.call('HSET', KEYS[1], 'phase', new_phase, 'stock', stock, 'limit', limit, 'opens', opens,
  'closes', closes, 'version', new_version)
-- Coupons that come back change no version: by this a stalled leader's second step of one reopening
-- does not fit the next one.
redis.call('HINCRBY', KEYS[1], 'moves', 1)
return { 'applied' }
