-- Answers up to 128 claims of one event: who wins, who has won already, who comes too late.
--
-- KEYS  state, wins, outbox (all in the event's slot)
-- ARGV  format, n, then n x (user, attempt, coupon, quantity)
-- Returns {} where the event's state is missing (never fresh stock), else
--   {epoch, version, sequence, left, ms, answer 1 .. answer n}
-- An answer is 0 sold out, 1 not open, 2 closed, 3 paused, 4 reopening, 5 fenced, or
--   '+sequence,nth' a new win, '=win' the user's own win again, '#win;win' limit reached,
--   '!' limit used up by revoked coupons.
-- A win is 'coupon,sequence,attempt,ms,quantity,nth,state,revision', the wins of a user are
-- joined by ';'. contract/src/claim_script.rs and contract/src/coupon.rs read both.

local SOLD_OUT, NOT_OPEN, CLOSED, PAUSED, REOPENING, FENCED = 0, 1, 2, 3, 4, 5
local FIELDS_PER_CLAIM = 4

if ARGV[1] ~= '1' then
  return redis.error_reply('FORMAT claim.lua reads format 1, not ' .. tostring(ARGV[1]))
end
local n = tonumber(ARGV[2])

local epoch, version, phase, identity, opens, closes, stock, held, sequence, limit = unpack(
  redis.call('HMGET', KEYS[1], 'epoch', 'version', 'phase', 'identity', 'opens', 'closes',
    'stock', 'held', 'sequence', 'limit'))
if not epoch then
  return {}
end
stock, held, sequence = tonumber(stock), tonumber(held), tonumber(sequence)
limit, opens, closes = tonumber(limit), tonumber(opens), tonumber(closes)

local time = redis.call('TIME')
local ms = time[1] * 1000 + math.floor(time[2] / 1000)
local reply = { tonumber(epoch), tonumber(version), sequence, math.max(0, stock - held), ms }
local HEADER = #reply

-- The identity comes first, for losses too: a promoted replica may lack a win that was told.
local replid = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
if identity ~= replid then
  for i = 1, n do
    reply[HEADER + i] = FENCED
  end
  return reply
end

-- Why nothing can be granted now, or nil.
local refusal
if phase == 'closed' or (closes > 0 and ms >= closes) then
  refusal = CLOSED
elseif phase == 'paused' then
  refusal = PAUSED
elseif phase == 'scheduled' or ms < opens then
  refusal = NOT_OPEN
elseif phase == 'reopening' then
  refusal = REOPENING
elseif phase ~= 'open' then
  refusal = FENCED
end

if n == 0 then
  return reply
end

local users = {}
for i = 1, n do
  users[i] = ARGV[3 + (i - 1) * FIELDS_PER_CLAIM]
end
-- Fails with WRONGTYPE, like the HMGET above, before anything was written.
local found = redis.call('HMGET', KEYS[2], unpack(users))
local wins_of, any = {}, false
for i = 1, n do
  wins_of[users[i]] = found[i]
  any = any or found[i]
end
-- Units are held, and the wins are gone: whoever won could win again.
if not any and held > 0 and redis.call('EXISTS', KEYS[2]) == 0 then
  for i = 1, n do
    reply[HEADER + i] = FENCED
  end
  return reply
end

-- What a user's own wins answer, or nil and which win the next one would be.
local function own_wins(wins, attempt, quantity)
  local nth, used, issued = 1, 0, {}
  for win in string.gmatch(wins, '[^;]+') do
    local its_attempt, its_quantity, its_nth, state =
      string.match(win, '^%x+,%d+,([^,]+),%d+,(%d+),(%d+),(%a+),')
    -- Not their count: one that nobody was told of may have been lost before another.
    nth = math.max(nth, tonumber(its_nth) + 1)
    if state == 'issued' then
      if attempt ~= '-' and its_attempt == attempt then
        return '=' .. win
      end
      issued[#issued + 1] = win
    end
    if state ~= 'returned' then
      used = used + tonumber(its_quantity)
    end
  end
  if used + quantity <= limit then
    return nil, nth
  elseif #issued == 0 then
    return '!'
  elseif limit == 1 then
    return '=' .. issued[1]
  end
  return '#' .. table.concat(issued, ';')
end

local first = sequence + 1
local outbox, changed, changed_users = {}, {}, {}
for i = 1, n do
  local at = 3 + (i - 1) * FIELDS_PER_CLAIM
  local user, attempt, coupon = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local quantity = tonumber(ARGV[at + 3])
  local wins = wins_of[user]
  local answer, nth
  if wins then
    answer, nth = own_wins(wins, attempt, quantity)
  else
    nth = 1
  end
  if answer == nil then
    if refusal then
      answer = refusal
    elseif held + quantity > stock then
      answer = SOLD_OUT
    else
      held = held + quantity
      sequence = sequence + 1
      answer = '+' .. sequence .. ',' .. nth
      local win = coupon .. ',' .. sequence .. ',' .. attempt .. ',' .. ms .. ',' .. quantity
        .. ',' .. nth .. ',issued,1'
      outbox[#outbox + 1] = user .. ',' .. win
      if not changed[user] then
        changed[user] = true
        changed_users[#changed_users + 1] = user
      end
      wins_of[user] = wins and (wins .. ';' .. win) or win
    end
  end
  reply[HEADER + i] = answer
end

if #outbox > 0 then
  -- The outbox first: it is the one write that can fail (wrong type, an id that went back), and
  -- Lua does not roll back. Its id is epoch-sequence, so no other epoch's entry has the same.
  redis.call('XADD', KEYS[3], epoch .. '-' .. first, 'format', '1', 'epoch', epoch,
    'wins', table.concat(outbox, ';'))
  local fields = {}
  for i, user in ipairs(changed_users) do
    fields[2 * i - 1], fields[2 * i] = user, wins_of[user]
  end
  redis.call('HSET', KEYS[2], unpack(fields))
  redis.call('HSET', KEYS[1], 'held', held, 'sequence', sequence)
  reply[3], reply[4] = sequence, math.max(0, stock - held)
end
return reply
