-- Counts sessions, in steps that do not grow with their number.
-- Returns {living, used ones among them, made ever, used ever, refused ever}.
local time = redis.call('TIME')
local after = '(' .. (time[1] * 1000 + math.floor(time[2] / 1000))
local totals = redis.call('HMGET', STATS, 'total_created', 'total_used', 'total_refused')
return {
  redis.call('ZCOUNT', INDEX, after, '+inf'),
  redis.call('ZCOUNT', USED, after, '+inf'),
  tonumber(totals[1] or 0), tonumber(totals[2] or 0), tonumber(totals[3] or 0),
}
