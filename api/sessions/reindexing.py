"""What `strongroom sessions` does: counts sessions, and makes their index anew from the records.

The index goes wrong only by hands that change Redis, or by a Redis that throws keys away when it is full. It is mended
while sessions are made and used: only what has no record any more is taken out, and only what has one is put in.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from redis.asyncio import Redis

from api.sessions.errors import SessionsAwayError
from api.sessions.keys import EPOCH, INDEX, RECORD, USED
from api.sessions.records import SessionRecord, find_record
from api.sessions.redis_sessions import RedisSessionManager, SessionCounts
from api.sessions.setting_up import open_sessions
from strongroom.services import Services

PATIENCE = 10.0
"""Seconds that a command waits for Redis: an operator waits longer than a browser."""
ELSEWHERE = (
    "Start Redis; and let REDIS_HOST, or else STRONGROOM_BROKER_URL, be here what it is for the API: "
    "a command looks for sessions where these say."
)
_BATCH = 500

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Reindexed:
    """How many sessions have a record, how many of them the index lacked, and what it held without a record."""

    sessions: int
    added: int
    dropped: int


def count_sessions(services: Services) -> SessionCounts:
    """Count the sessions; raises SessionsAwayError."""
    return _with_sessions(services, lambda sessions: sessions.count())


def reindex_sessions(services: Services) -> Reindexed:
    """Make the index anew from the records; raises SessionsAwayError."""
    return _with_sessions(services, lambda sessions: sessions.work_with(_reindex))


def _with_sessions(services: Services, work: Callable[[RedisSessionManager], Awaitable[ResultT]]) -> ResultT:
    async def whole() -> ResultT:
        sessions = open_sessions(services.settings, services.catalog, services.clock, services.random, PATIENCE)
        try:
            return await work(sessions)
        except SessionsAwayError as error:
            raise SessionsAwayError(str(error), next_step=ELSEWHERE) from None
        finally:
            await sessions.close()

    return asyncio.run(whole())


async def _reindex(client: Redis) -> Reindexed:
    epoch = (await client.get(EPOCH) or b"").decode()
    sessions = added = 0
    # SCAN is for here alone: it reads every key there is, though it keeps nobody waiting.
    batch: list[bytes] = []
    async for key in client.scan_iter(match=f"{RECORD}*", count=_BATCH):
        batch.append(key)
        if len(batch) == _BATCH:
            sessions, added = _sum((sessions, added), await _put_in(client, batch, epoch))
            batch = []
    sessions, added = _sum((sessions, added), await _put_in(client, batch, epoch))
    dropped = [await _take_out(client, index, epoch) for index in (INDEX, USED)]
    return Reindexed(sessions, added, dropped[0])


async def _put_in(client: Redis, keys: list[bytes], epoch: str) -> tuple[int, int]:
    records = _of_epoch(await client.mget(keys), epoch) if keys else {}
    members = {_member(keys[place]): record for place, record in records.items()}
    if not members:
        return 0, 0
    added = await client.zadd(INDEX, {member: _milliseconds(record) for member, record in members.items()})
    used = {member: _milliseconds(record) for member, record in members.items() if record.used}
    if used:
        await client.zadd(USED, used)
    return len(members), int(added)


async def _take_out(client: Redis, index: str, epoch: str) -> int:
    dropped = 0
    members = [member async for member, _ in client.zscan_iter(index, count=_BATCH)]
    for start in range(0, len(members), _BATCH):
        some = members[start : start + _BATCH]
        there = _of_epoch(await client.mget([RECORD.encode() + member for member in some]), epoch)
        gone = [member for place, member in enumerate(some) if place not in there]
        dropped += int(await client.zrem(index, *gone)) if gone else 0
    return dropped


def _member(key: bytes) -> bytes:
    return key.removeprefix(RECORD.encode())


def _milliseconds(record: SessionRecord) -> int:
    return round(record.expires_at.timestamp() * 1000)


def _of_epoch(records: list[bytes | None], epoch: str) -> dict[int, SessionRecord]:
    read = {place: find_record(record) for place, record in enumerate(records)}
    return {place: record for place, record in read.items() if record is not None and record.epoch == epoch}


def _sum(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return one[0] + other[0], one[1] + other[1]
