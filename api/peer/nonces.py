"""Messages that were taken, remembered in Redis for all processes of a provider.

Redis may forget: it was restarted, or another one took over. Then nobody can tell which messages were taken before, so
those sent before the memory began are refused. A message may be sent again under another id, and keys are told apart by
the catalog, so nothing is lost but a little time.
"""

from datetime import datetime, timedelta

from redis import Redis
from redis.exceptions import RedisError

from api.peer.errors import NoncesAwayError
from strongroom.keysync.payloads import to_milliseconds
from strongroom.keysync.replay import Claim, remembered_for

_PREFIX = "strongroom:skip:"
_MEMORY = "memory"

_CLAIM = """
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local memory = redis.call('GET', KEYS[1])
local began = memory and string.match(memory, '^' .. run .. ':(%d+)$')
if not began or tonumber(began) > tonumber(ARGV[2]) then
  began = ARGV[2]
  redis.call('SET', KEYS[1], run .. ':' .. began)
end
if tonumber(ARGV[1]) < tonumber(began) then return 'before_memory' end
if redis.call('SET', KEYS[2], '1', 'NX', 'EX', ARGV[3]) then return 'fresh' end
return 'seen'
"""
"""Takes the memory's key and the message's; when it was sent and now, in milliseconds; and seconds to remember it.

The memory's value is the run of the server that it began in, and when: one step, so that no restart comes in between.
One that began later than now did so under a clock that was wrong.
"""


class RedisNonces:
    """Remembers messages for as long as the window would let them pass again; safe between threads."""

    def __init__(self, client: Redis, system_id: str, window: timedelta) -> None:
        self._client = client
        self._prefix = f"{_PREFIX}{system_id}:"
        self._seconds = int(remembered_for(window).total_seconds())
        self._script = client.register_script(_CLAIM)

    def claim(self, sender: str, message_id: str, sent_at: datetime, now: datetime) -> Claim:
        """Remember a message; raises NoncesAwayError, and then it must not be taken."""
        keys = [self._prefix + _MEMORY, f"{self._prefix}replay:{sender}:{message_id}"]
        try:
            said = self._script(keys, [to_milliseconds(sent_at), to_milliseconds(now), self._seconds])
        except RedisError as error:
            raise NoncesAwayError(
                f"The Redis that remembers messages does not answer ({type(error).__name__}).",
                next_step="Start it; peers send the same again.",
            ) from None
        return Claim(said.decode())

    def begin(self, now: datetime) -> None:
        """Have the memory begin now unless it has, so that the first messages of peers are taken."""
        self.claim("-", str(to_milliseconds(now)), now, now)

    def verify(self) -> None:
        """Raise NoncesAwayError where Redis does not answer."""
        try:
            self._client.ping()
        except RedisError as error:
            raise NoncesAwayError(
                f"The Redis that remembers messages does not answer ({type(error).__name__}).", next_step="Start it."
            ) from None
