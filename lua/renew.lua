-- Renews the identity of an open event whose process is the same and only got another replid, as
-- it does when its first replica attaches and there is no backlog yet.
--
-- KEYS  state
-- ARGV  epoch and identity that the shard must have, replid that its process must have
-- Returns {'renewed'}, or {'moved', epoch} where anything else is otherwise: another run id is a
-- restart, another config epoch a failover, and data may have gone back in both.
-- persister/src/control/shard.rs calls it.

local epoch, identity, replid = unpack(ARGV)

local known_epoch, known_identity, known_run_id, known_config_epoch =
  unpack(redis.call('HMGET', KEYS[1], 'epoch', 'identity', 'run_id', 'config_epoch'))
local replication = redis.call('INFO', 'replication')
local now = string.match(replication, 'master_replid:(%x+)')
local run_id = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local config_epoch = string.match(redis.call('CLUSTER', 'INFO'), 'cluster_my_epoch:(%d+)')
local same = known_epoch == epoch and now == replid and known_run_id == run_id
  and known_config_epoch == config_epoch and string.find(replication, 'role:master', 1, true)
if not same or (known_identity ~= identity and known_identity ~= replid) then
  return { 'moved', tonumber(known_epoch or 0) }
end
redis.call('HSET', KEYS[1], 'identity', replid)
return { 'renewed' }
