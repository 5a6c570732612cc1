"""Who shows sessions that are used up, again and again: somebody should hear of it."""

import hashlib
import logging
from contextlib import suppress
from typing import Any

from fastapi import Request
from redis.asyncio import Redis
from starlette.concurrency import run_in_threadpool

from api.sessions.keys import RECORD, find_digest, shown
from api.sessions.records import find_record
from api.sessions.redis_sessions import RedisSessionManager
from strongroom.accounts.alerting import SESSIONS_REUSED_AT, tell_of_reused_sessions
from strongroom.errors import StrongroomError
from strongroom.services import Services

log = logging.getLogger(__name__)

REUSES = "auth_reuse:"
"""Followed by a hash of the address: how often it showed a used session, for an hour after the last time."""
_SECONDS = 3600


async def note_refused(request: Request, session_id: str) -> None:
    """Count a refused session that was used before; the third of one address within an hour opens an alert.

    The alert is told again of the sixth, twelfth and so on, so that a flood does not wait for the catalog.
    What fails here changes nothing about the answer.
    """
    digest = find_digest(session_id)
    if digest is None or request.client is None:
        return
    sessions: RedisSessionManager = request.app.state.sessions
    address = request.client.host
    with suppress(StrongroomError):
        times = await sessions.work_with(lambda client: _count(client, digest, address))
        if times:
            log.warning(
                "authn_token_reuse: one-time session %s from %s, %d within an hour", shown(digest), address, times
            )
        if is_told(times):
            await run_in_threadpool(_tell, request.app.state.desk.services, address)


def is_told(times: int) -> bool:
    """Say whether the alert hears of this one: the third, and whenever there are twice as many."""
    rounds, rest = divmod(times, SESSIONS_REUSED_AT)
    return rounds > 0 and rest == 0 and rounds & (rounds - 1) == 0


async def _count(client: Redis, digest: str, address: str) -> int:
    record = find_record(await client.get(RECORD + digest))
    if record is None or not record.used:
        return 0
    key = REUSES + hashlib.sha256(address.encode()).hexdigest()[:32]
    async with client.pipeline() as both:
        both.incr(key)
        both.expire(key, _SECONDS)
        counted: list[Any] = await both.execute()
    return int(counted[0])


def _tell(services: Services, address: str) -> None:
    with services.catalog.aside() as session:
        tell_of_reused_sessions(session, address, services.clock.now())
