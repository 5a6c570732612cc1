-- Makes a session, unless there are too many. MOST: how many there may be. SECONDS, MILLISECONDS: how long it lives.
-- KEYS: record.
-- Returns 1 when it is made, 0 where there is no epoch, else what is left in milliseconds until there is room, below 0.
local call, sub, key = redis.call, string.sub, KEYS[1]
local epoch = call('GET', EPOCH)
if not epoch then
  return 0
end
local time = call('TIME')

-- The index may hold more than lives, never less: it is cleaned when it seems full, some at a time.
if call('ZCARD', INDEX) >= MOST then
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  for _, index in ipairs({INDEX, USED}) do
    local gone = call('ZCOUNT', index, '-inf', now)
    if gone > 0 then
      call('ZREMRANGEBYRANK', index, 0, math.min(gone, 1000) - 1)
    end
  end
  if call('ZCOUNT', INDEX, '(' .. now, '+inf') >= MOST then
    local first = call('ZRANGE', INDEX, '(' .. now, '+inf', 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')
    call('HINCRBY', STATS, 'total_refused', 1)
    return now - first[2]
  end
end

-- The record is text of fixed places; its reader is api/sessions/records.py. The id itself is kept nowhere.
-- Milliseconds are put together as text: a number that becomes text costs as much as a command.
local thousandths = sub('00000' .. time[2], -6, -4)
local expires = time[1] + SECONDS .. thousandths
call('PSETEX', key, MILLISECONDS, time[1] .. thousandths .. ' ' .. expires .. ' ' .. epoch)
call('ZADD', INDEX, expires, sub(key, HASH))
call('HINCRBY', STATS, 'total_created', '1')
return 1
