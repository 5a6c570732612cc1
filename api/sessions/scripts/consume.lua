-- Uses a session, once. SECONDS: how long a visit lives.
-- KEYS: record and, where the page is opened, the visit that this begins.
-- Returns the record of a session that was just used, else why it was not: 0 unknown, 1 expired, 2 forgotten, 3 used.
local record = redis.call('GET', KEYS[1])
if not record then
  if redis.call('ZSCORE', INDEX, string.sub(KEYS[1], HASH)) then
    return 1
  end
  return 0
end
local epoch = redis.call('GET', EPOCH)
if string.sub(record, 29, 44) ~= epoch then
  return 2
end
if #record > 44 then
  return 3
end
local time = redis.call('TIME')
local use = string.format(KEYS[2] and ' %.0f opened' or ' %.0f', time[1] * 1000 + math.floor(time[2] / 1000))
-- Leaves the moment at which Redis drops the record as it is.
redis.call('APPEND', KEYS[1], use)
redis.call('ZADD', USED, string.sub(record, 15, 27), string.sub(KEYS[1], HASH))
redis.call('HINCRBY', STATS, 'total_used', 1)
if KEYS[2] then
  redis.call('SET', KEYS[2], epoch, 'EX', SECONDS)
end
return record .. use
