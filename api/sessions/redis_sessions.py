"""One-time sessions in Redis: made, used and counted in single steps, with nothing in between."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from api.sessions.breaker import Breaker
from api.sessions.calling import Script, call
from api.sessions.errors import SessionInvalidError, SessionRefusal, SessionsAwayError, SessionsFullError
from api.sessions.keys import EPOCH, RECORD, VISIT, find_digest, make_id, shown
from api.sessions.opening import CONNECTIONS
from api.sessions.records import find_record
from api.sessions.scripts import read_script
from strongroom.clock import RandomBytes
from strongroom.errors import UnavailableError
from strongroom.settings import SessionIdFormat

log = logging.getLogger(__name__)

ResultT = TypeVar("ResultT")


_REFUSALS = (SessionRefusal.UNKNOWN, SessionRefusal.EXPIRED, SessionRefusal.FORGOTTEN, SessionRefusal.USED)
"""What the script says by its number."""


@dataclass(frozen=True, slots=True)
class SessionRules:
    """How many sessions there may be, how long one waits for its use, and what its id looks like."""

    most: int
    minutes: int
    id_format: SessionIdFormat
    patience: float
    """Seconds within which Redis answers, or counts as away."""


@dataclass(frozen=True, slots=True)
class SessionUse:
    """A session that was just used; `visit` is the secret of the page it opened, if it did."""

    shown: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime
    visit: str | None


@dataclass(frozen=True, slots=True)
class SessionCounts:
    """Sessions that live now, and all that ever were; `refused` were one too many."""

    total: int
    used: int
    created_ever: int
    used_ever: int
    refused_ever: int


class RedisSessionManager:
    """Makes and takes one-time sessions for all processes of an installation; belongs to one event loop.

    Every method raises SessionsAwayError within 0.3 s where Redis, or the catalog that knows the epoch, is away.
    """

    def __init__(self, client: Redis, rules: SessionRules, random: RandomBytes, breaker: Breaker) -> None:
        self._client = client
        self._rules = rules
        self._random = random
        self._breaker = breaker
        self._free = asyncio.Semaphore(CONNECTIONS)
        seconds = rules.minutes * 60
        self._create = Script(read_script("create", most=rules.most, seconds=seconds, milliseconds=seconds * 1000))
        self._consume = Script(read_script("consume", milliseconds=seconds * 1000))
        self._count = Script(read_script("count"))

    @property
    def rules(self) -> SessionRules:
        """Return the rules that sessions are made by."""
        return self._rules

    async def create(self) -> str:
        """Make a session and return its id; raises SessionsFullError."""
        session_id = make_id(self._random, self._rules.id_format)
        key = _key(RECORD, session_id)
        said: int = await self._call(self._create, key)
        if said > 0:
            log.info("session_created %s", shown(key.removeprefix(RECORD)))
            return session_id
        if said < 0:
            raise SessionsFullError(max(1, math.ceil(-said / 1000)), self._rules.most)
        # Somebody emptied the server while it ran; new connections begin anew.
        await self._client.connection_pool.disconnect(inuse_connections=False)
        raise _away("it was emptied")

    async def consume(self, session_id: str, *, visit: bool = False) -> SessionUse:
        """Use a session up, and begin a visit of the page if it is used for that; raises SessionInvalidError."""
        digest = find_digest(session_id)
        if digest is None:
            raise refuse(SessionRefusal.MALFORMED, None)
        secret = make_id(self._random, SessionIdFormat.TOKEN) if visit else None
        visits = (_key(VISIT, secret),) if secret else ()
        said = await self._call(self._consume, RECORD + digest, *visits)
        record = None if isinstance(said, int) else find_record(said)
        if record is None or record.used_at is None:
            raise refuse(_REFUSALS[said], digest)
        log.info("session_used %s", shown(digest))
        return SessionUse(shown(digest), record.created_at, record.expires_at, record.used_at, secret)

    async def verify_visit(self, secret: str) -> None:
        """Return if the visit still lasts; raises SessionInvalidError."""
        digest = find_digest(secret)
        if digest is None:
            raise refuse(SessionRefusal.MALFORMED, None)
        epoch, current = await self._ask(lambda: self._client.mget(VISIT + digest, EPOCH))
        if epoch is None or epoch != current:
            raise refuse(SessionRefusal.EXPIRED if epoch is None else SessionRefusal.FORGOTTEN, digest)

    async def count(self) -> SessionCounts:
        """Count the sessions, in a time that does not grow with their number."""
        return SessionCounts(*await self._call(self._count))

    async def verify(self) -> None:
        """Return if Redis answers."""
        await self._ask(lambda: cast(Awaitable[Any], self._client.ping()))

    async def work_with(self, work: Callable[[Redis], Awaitable[ResultT]]) -> ResultT:
        """Have something longer done with the client; only the first connection is waited for no longer than usual."""
        await self.verify()
        try:
            return await work(self._client)
        except (RedisError, OSError, RuntimeError) as error:
            raise _away(type(error).__name__) from None

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _call(self, script: Script, *keys: str) -> Any:
        return await self._ask(lambda: call(self._client, script, *keys))

    async def _ask(self, question: Callable[[], Awaitable[ResultT]]) -> ResultT:
        """Return what Redis answers in time; raises SessionsAwayError."""
        if not self._breaker.lets_pass():
            raise _away("it did not answer just now")
        asked = False
        try:
            # One limit for all of it: a new connection asks several times, and each time may last as long.
            async with asyncio.timeout(self._rules.patience), self._free:
                asked = True
                answer = await question()
        except (RedisError, OSError, UnavailableError, RuntimeError) as error:
            # uvloop raises RuntimeError where a connection was closed. Too many callers are no fault of Redis.
            if asked:
                self._breaker.failed()
            raise _away(type(error).__name__) from None
        self._breaker.succeeded()
        return answer


def refuse(why: SessionRefusal, digest: str | None) -> SessionInvalidError:
    """Return the one answer to every session that is not taken, and have the log say which it was."""
    log.warning("one-time session %s refused: %s", "-" if digest is None else shown(digest), why)
    return SessionInvalidError(why, "" if digest is None else shown(digest))


def _key(prefix: str, secret: str) -> str:
    return f"{prefix}{find_digest(secret)}"


def _away(why: str) -> SessionsAwayError:
    return SessionsAwayError(
        f"Service Temporarily Unavailable: one-time sessions cannot be reached ({why}).",
        next_step="Ask again in some seconds; an operator sees more at /auth/redis-health.",
    )
