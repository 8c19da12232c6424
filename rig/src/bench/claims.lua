-- The load of every row of the bench: claims by users who never come twice.
-- Arguments: crowd (no two windows have the same), limit (requests of a thread, 0: no limit),
-- connection (keep-alive or close), events and targets (joined by commas, taken in turn).

local ffi = require("ffi")
ffi.cdef([[int kill(int pid, int signal); int getpid(void);]])
local INTERRUPT = 2
-- Counts from here, so that every user's name is equally long.
local FIRST = 100000000

local threads = 0

function setup(thread)
  threads = threads + 1
  thread:set("number", threads)
end

local function split(text)
  local words = {}
  for word in text:gmatch("[^,]+") do
    words[#words + 1] = word
  end
  return words
end

local function head(event, user, connection)
  local before = string.format('{"event_id":"%s","user_id":"%s', event, user)
  local length = #before + #tostring(FIRST) + 2
  return "POST /api/v1/coupons/issue HTTP/1.1\r\nHost: bench\r\n"
    .. "Content-Type: application/json\r\nConnection: "
    .. connection
    .. "\r\nContent-Length: "
    .. length
    .. "\r\n\r\n"
    .. before
end

local heads, count, asked, last = {}, 0, FIRST, 0

function init(arguments)
  local crowd, limit, connection = arguments[1], tonumber(arguments[2]), arguments[3]
  local user = string.format("%s-%02d-", crowd, number)
  for index, event in ipairs(split(arguments[4])) do
    heads[index] = head(event, user, connection)
  end
  count = #heads
  last = FIRST + limit
  local targets = split(arguments[5])
  local host, port = targets[(number - 1) % #targets + 1]:match("^(.*):(%d+)$")
  wrk.thread.addr = wrk.lookup(host, port)[1]
end

function request()
  asked = asked + 1
  if asked == last then
    -- As by Ctrl-C: wrk ends in order and says what it saw.
    ffi.C.kill(ffi.C.getpid(), INTERRUPT)
  end
  return heads[asked % count + 1] .. asked .. '"}'
end

function done(summary, latency)
  local errors = summary.errors
  print(
    string.format(
      '{"requests":%d,"duration_us":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d,'
        .. '"status":%d,"p50_us":%d,"p99_us":%d,"p999_us":%d}',
      summary.requests,
      summary.duration,
      errors.connect,
      errors.read,
      errors.write,
      errors.timeout,
      errors.status,
      latency:percentile(50),
      latency:percentile(99),
      latency:percentile(99.9)
    )
  )
end
