-- Begins an epoch on a run of the server that no epoch began on; sessions of an earlier one count no more.
-- ARGV: the epoch, the run.
if redis.call('GET', EPOCH_SERVER) ~= ARGV[2] then
  redis.call('MSET', EPOCH, ARGV[1], EPOCH_SERVER, ARGV[2])
  redis.call('UNLINK', INDEX, USED)
end
return redis.call('GET', EPOCH)
