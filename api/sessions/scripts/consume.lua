-- Uses a session, once.
-- KEYS: record, index, used, stats, epoch and, where the page is opened, the visit that this begins.
-- ARGV: letters that a record's key begins with; seconds that a visit lives.
-- Returns {'accepted', moment it was made, moment of its use} or {why not}; moments in ms.
local member = string.sub(KEYS[1], ARGV[1] + 1)
local record = redis.call('GET', KEYS[1])
if not record then
  if redis.call('ZSCORE', KEYS[2], member) then
    return {'expired'}
  end
  return {'unknown'}
end
local session = cjson.decode(record)
local epoch = redis.call('GET', KEYS[5])
if session.epoch ~= epoch then
  return {'forgotten'}
end
if session.used then
  return {'used'}
end
local time = redis.call('TIME')
session.used = true
session.used_at = time[1] * 1000 + math.floor(time[2] / 1000)
session.iframe_opened = KEYS[6] ~= nil
redis.call('SET', KEYS[1], cjson.encode(session), 'KEEPTTL')
redis.call('ZADD', KEYS[3], session.expires_at, member)
redis.call('HINCRBY', KEYS[4], 'total_used', 1)
if KEYS[6] then
  redis.call('SET', KEYS[6], epoch, 'EX', ARGV[2])
end
return {'accepted', session.created_at, session.used_at}
