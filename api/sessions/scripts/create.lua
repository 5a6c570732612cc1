-- Makes a session, unless there are too many. MOST: how many there may be. SECONDS: how long it lives.
-- KEYS: record.
-- Returns 1 when it is made, 0 where there is no epoch, else what is left in milliseconds until there is room, below 0.
local epoch = redis.call('GET', EPOCH)
if not epoch then
  return 0
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- The index may hold more than lives, never less: it is cleaned when it seems full, some at a time.
if redis.call('ZCARD', INDEX) >= MOST then
  for _, index in ipairs({INDEX, USED}) do
    local gone = redis.call('ZCOUNT', index, '-inf', now)
    if gone > 0 then
      redis.call('ZREMRANGEBYRANK', index, 0, math.min(gone, 1000) - 1)
    end
  end
  if redis.call('ZCOUNT', INDEX, '(' .. now, '+inf') >= MOST then
    local first = redis.call('ZRANGE', INDEX, '(' .. now, '+inf', 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')
    redis.call('HINCRBY', STATS, 'total_refused', 1)
    return now - first[2]
  end
end

-- The record is text of fixed places; its reader is api/sessions/records.py. The id itself is kept nowhere.
local expires = string.format('%.0f', now + SECONDS * 1000)
redis.call('SET', KEYS[1], string.format('%.0f ', now) .. expires .. ' ' .. epoch, 'EX', SECONDS)
redis.call('ZADD', INDEX, expires, string.sub(KEYS[1], HASH))
redis.call('HINCRBY', STATS, 'total_created', 1)
return 1
