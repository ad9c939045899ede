"""What Redis does for the limits, in Lua: each script is one step that nothing can come between.

A key has two entries. `use` is a hash: the window's index `i`, requests and tokens of this window (`r`, `t`)
and of the one before (`rp`, `tp`); the arithmetic is that of `window`. `now` is a sorted set of leases, one
for each call under way, by the millisecond at which it lapses; processes renew theirs while calls last, so
that those of a killed process lapse. All times are the Redis server's.
"""

NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

_ENTER = """
local index = math.floor(now / 60000)
local use = redis.call('HMGET', KEYS[1], 'i', 'r', 't', 'rp', 'tp')
local at, r, t = tonumber(use[1] or -1), tonumber(use[2] or 0), tonumber(use[3] or 0)
local rp, tp = tonumber(use[4] or 0), tonumber(use[5] or 0)
local weight = 1 - (now % 60000) / 60000
if index == at + 1 then
  rp, tp, r, t = r, t, 0, 0
elseif index > at then
  rp, tp, r, t = 0, 0, 0, 0
elseif index < at then
  index, weight = at, 1
end

local function wait_ms(current, previous, cost, limit)
  if current + previous * weight + cost <= limit then return 0 end
  if cost > limit then return 60000 end
  local room = limit - cost - current
  if room >= 0 then return math.ceil((weight - room / previous) * 60000) end
  return math.ceil((weight + 1 - (limit - cost) / current) * 60000)
end

local lease, tokens = ARGV[1], tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[5]) then return {1, 0, index} end
local wait = wait_ms(r, rp, 1, tonumber(ARGV[3]))
if wait > 0 then return {2, wait, index} end
wait = wait_ms(t, tp, tokens, tonumber(ARGV[4]))
if wait > 0 then return {3, wait, index} end

redis.call('HSET', KEYS[1], 'i', index, 'r', r + 1, 't', t + tokens, 'rp', rp, 'tp', tp)
redis.call('PEXPIRE', KEYS[1], 120000)
redis.call('ZADD', KEYS[2], now + tonumber(ARGV[6]), lease)
redis.call('PEXPIRE', KEYS[2], tonumber(ARGV[6]))
return {0, 0, index}
"""

ENTER = NOW + _ENTER
"""KEYS use, now. ARGV lease, tokens, requests a minute, tokens a minute, calls at once, lease in ms.

Returns {0 in | 1 slots | 2 requests | 3 tokens, milliseconds to wait, window}."""

LEAVE = """
if redis.call('ZREM', KEYS[2], ARGV[1]) == 0 then return 0 end
local at = tonumber(redis.call('HGET', KEYS[1], 'i') or -1)
local index = tonumber(ARGV[2])
if index == 0 then index = at end
local function correct(current, previous, by)
  local name = nil
  if index == at then name = current elseif index == at - 1 then name = previous end
  if by == 0 or at < 0 or not name then return end
  local count = tonumber(redis.call('HGET', KEYS[1], name) or 0)
  redis.call('HSET', KEYS[1], name, math.max(0, count + by))
end
correct('t', 'tp', tonumber(ARGV[3]))
correct('r', 'rp', tonumber(ARGV[4]))
return 1
"""
"""KEYS use, now. ARGV lease, its window (0: the newest), tokens to add (may be negative), requests to add. A
lease that is gone changes nothing. Returns 1 if it was there."""

RENEW = (
    NOW
    + """
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], now + tonumber(ARGV[1]), ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], tonumber(ARGV[1]))
return #ARGV - 1
"""
)
"""KEYS now. ARGV lease in ms, leases. One that had lapsed, or that a restarted Redis forgot, comes back."""
