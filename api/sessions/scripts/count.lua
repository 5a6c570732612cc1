-- Counts sessions, in steps that do not grow with their number.
-- KEYS: index, used, stats. Returns {living, used ones among them, made ever, used ever, refused ever}.
local time = redis.call('TIME')
local after = '(' .. (time[1] * 1000 + math.floor(time[2] / 1000))
local totals = redis.call('HMGET', KEYS[3], 'total_created', 'total_used', 'total_refused')
return {
  redis.call('ZCOUNT', KEYS[1], after, '+inf'),
  redis.call('ZCOUNT', KEYS[2], after, '+inf'),
  tonumber(totals[1] or 0), tonumber(totals[2] or 0), tonumber(totals[3] or 0),
}
