-- Begins an epoch on a run of the server that no epoch began on; sessions of an earlier one count no more.
-- KEYS: epoch, run of the server it began on, index, used. ARGV: the epoch, the run.
if redis.call('GET', KEYS[2]) ~= ARGV[2] then
  redis.call('MSET', KEYS[1], ARGV[1], KEYS[2], ARGV[2])
  redis.call('UNLINK', KEYS[3], KEYS[4])
end
return redis.call('GET', KEYS[1])
