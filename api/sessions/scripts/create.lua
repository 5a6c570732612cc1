-- Makes a session, unless there are too many.
-- KEYS: record, index, used, stats, epoch. ARGV: most sessions, seconds it lives, letters that a record's key begins with.
-- Returns {'made', moment it expires} or {'full', milliseconds until there is room} or {'no_epoch'}; moments in ms.
local epoch = redis.call('GET', KEYS[5])
if not epoch then
  return {'no_epoch'}
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local most = tonumber(ARGV[1])

-- The index may hold more than lives, never less: it is cleaned when it seems full, some at a time.
if redis.call('ZCARD', KEYS[2]) >= most then
  for _, index in ipairs({KEYS[2], KEYS[3]}) do
    local gone = redis.call('ZCOUNT', index, '-inf', now)
    if gone > 0 then
      redis.call('ZREMRANGEBYRANK', index, 0, math.min(gone, 1000) - 1)
    end
  end
  if redis.call('ZCOUNT', KEYS[2], '(' .. now, '+inf') >= most then
    local first = redis.call('ZRANGE', KEYS[2], '(' .. now, '+inf', 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')
    redis.call('HINCRBY', KEYS[4], 'total_refused', 1)
    return {'full', first[2] - now}
  end
end

local member = string.sub(KEYS[1], ARGV[3] + 1)
local expires = now + ARGV[2] * 1000
-- The record names itself by the first letters of its hash, as logs do; the id itself is kept nowhere.
local record = string.format(
  '{"session_id":"%s","created_at":%d,"expires_at":%d,"epoch":"%s","used":false,"iframe_opened":false}',
  string.sub(member, 1, 8), now, expires, epoch)
if not redis.call('SET', KEYS[1], record, 'NX', 'EX', ARGV[2]) then
  return {'taken'}
end
redis.call('ZADD', KEYS[2], expires, member)
redis.call('HINCRBY', KEYS[4], 'total_created', 1)
return {'made', expires}
