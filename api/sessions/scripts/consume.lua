-- Uses a session, once. MILLISECONDS: how long a visit lives.
-- KEYS: record and, where the page is opened, the visit that this begins.
-- Returns the record of a session that was just used, else why it was not: 0 unknown, 1 expired, 2 forgotten, 3 used.
local call, sub, key, visit = redis.call, string.sub, KEYS[1], KEYS[2]
local found = call('MGET', key, EPOCH)
local record, epoch = found[1], found[2]
if not record then
  if call('ZSCORE', INDEX, sub(key, HASH)) then
    return 1
  end
  return 0
end
if sub(record, 29, 44) ~= epoch then
  return 2
end
if #record > 44 then
  return 3
end
local time = call('TIME')
local use = ' ' .. time[1] .. sub('00000' .. time[2], -6, -4)
if visit then
  use = use .. ' opened'
  call('PSETEX', visit, MILLISECONDS, epoch)
end
-- Leaves the moment at which Redis drops the record as it is.
call('APPEND', key, use)
call('ZADD', USED, sub(record, 15, 27), sub(key, HASH))
call('HINCRBY', STATS, 'total_used', '1')
return record .. use
