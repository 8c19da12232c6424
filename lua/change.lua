-- Brings coupons of an event to the states that MySQL has of them; units that come back are free
-- once the event is opened again.
--
-- KEYS  state, wins (both in the event's slot)
-- ARGV  epoch and identity that the shard must have, then n x (user, coupon, state, revision)
-- Returns {'changed', coupons that had an earlier revision, coupons that are not there}, or
--   {'moved', epoch} where another arming, or another process, has it, or where it is open: units
--   go on sale by reopening only, since an edge may say sold out from memory.
-- The same call again changes nothing. persister/src/control/shard.rs calls it.

local epoch, identity = ARGV[1], ARGV[2]
local FIRST, FIELDS = 3, 4

local known_epoch, known_identity, phase =
  unpack(redis.call('HMGET', KEYS[1], 'epoch', 'identity', 'phase'))
local now = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
if known_epoch ~= epoch or known_identity ~= identity or now ~= identity
  or phase == 'arming' or phase == 'open' then
  return { 'moved', tonumber(known_epoch or 0) }
end

-- contract/src/coupon.rs has the same.
local FREES = { returned = true, withdrawn = true }

local changed, missing, freed = 0, 0, 0
for i = FIRST, #ARGV, FIELDS do
  local user, coupon, state, revision = unpack(ARGV, i, i + FIELDS - 1)
  local found, wins = false, {}
  for win in string.gmatch(redis.call('HGET', KEYS[2], user) or '', '[^;]+') do
    local head, quantity, nth, its_state, its_revision =
      string.match(win, '^(%x+,%d+,[^,]+,%d+),(%d+),(%d+),(%a+),(%d+)$')
    if head and string.sub(head, 1, #coupon) == coupon then
      found = true
      if tonumber(its_revision) < tonumber(revision) then
        win = head .. ',' .. quantity .. ',' .. nth .. ',' .. state .. ',' .. revision
        changed = changed + 1
        if FREES[state] and not FREES[its_state] then
          freed = freed + tonumber(quantity)
        end
      end
    end
    wins[#wins + 1] = win
  end
  if found then
    redis.call('HSET', KEYS[2], user, table.concat(wins, ';'))
  else
    missing = missing + 1
  end
end
if freed > 0 then
  redis.call('HINCRBY', KEYS[1], 'held', -freed)
end
return { 'changed', changed, missing }
