"""Eight processes that want the same sessions, and eight that want too many, on one Redis that may be killed."""

import argparse
import asyncio
import logging
import multiprocessing
import os
import random
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from redis.asyncio import Redis

from api.sessions.errors import SessionInvalidError, SessionsAwayError, SessionsFullError
from api.sessions.keys import RECORD
from api.sessions.records import find_record
from api.sessions.redis_sessions import RedisSessionManager, SessionCounts
from api.sessions.setting_up import open_sessions
from strongroom.catalog.engine import open_engine
from strongroom.catalog.schema import upgrade
from strongroom.catalog.session import Catalog
from strongroom.clock import SystemClock, system_random
from strongroom.settings import SessionRedis, SessionSettings, Settings, load_settings
from tests.services.ports import LOOPBACK
from tests.services.valkey import Valkey

PROCESSES, AT_A_TIME = 8, 16
CAP, TRIES = 1000, 600
ROUND = 20_000
"""Sessions that are made, and then tried by all, before the next ones are made: a kill ends those of its round only."""

Work = Callable[[RedisSessionManager, Any], Coroutine[Any, Any, Any]]


def race_cap(valkey: Valkey, options: argparse.Namespace) -> bool:
    """Have eight processes make more sessions than there may be."""
    with tempfile.TemporaryDirectory() as folder:
        settings = settings_of(valkey, Path(folder), CAP)
        made: int = sum(_all_at_once(settings, _make_some, [TRIES] * PROCESSES))
    print(f"cap      {PROCESSES} processes tried {PROCESSES * TRIES} sessions, {made} were made (exactly {CAP})")
    return made == CAP


def race_uses(valkey: Valkey, options: argparse.Namespace) -> bool:
    """Have eight processes use every session, each in an order of its own, while Redis and some of them are killed."""
    # Each refusal is a line, and there are millions of them.
    logging.getLogger("api.sessions").setLevel(logging.ERROR)
    began, accepted, doubled = time.monotonic(), 0, 0
    rounds = max(1, options.tokens // ROUND)
    each = options.tokens // rounds
    with tempfile.TemporaryDirectory() as folder:
        settings = settings_of(valkey, Path(folder), 1_000_000)
        for number in range(rounds):
            made = _all_at_once(settings, _make, [each // PROCESSES] * PROCESSES)
            kills = options.kills * (number + 1) // rounds - options.kills * number // rounds
            stop = _killing(valkey, kills)
            uses = _use_and_die(settings, [one for some in made for one in some], Path(folder), options.tries, kills)
            stop()
            accepted += len(uses)
            doubled += len(uses) - len(set(uses))
        counts, kept = asyncio.run(with_sessions(settings, _count, None))
    whole = kept == (counts.created_ever, counts.used_ever)
    print(
        f"uses     {options.tokens:,} sessions, each tried by {options.tries} of {PROCESSES} processes, Redis and "
        f"as many processes killed {options.kills} times: {accepted:,} accepted, {doubled} of them twice (exactly 0); "
        f"counted {counts.created_ever:,} made and {counts.used_ever:,} used, which the records "
        f"{'say too' if whole else f'do not say: {kept}'}; {time.monotonic() - began:.0f} s"
    )
    return doubled == 0 and accepted <= counts.used_ever and whole


def _use_and_die(settings: Settings, session_ids: list[str], folder: Path, tries: int, kills: int) -> list[str]:
    """Have processes use sessions, some of them until they are killed; return every use that one was told of."""
    context = multiprocessing.get_context("fork")
    notes = [folder / f"uses-{number}" for number in range(PROCESSES)]
    processes = []
    for number, note in enumerate(notes):
        mine = [one for place, one in enumerate(session_ids) if (number - place) % PROCESSES < tries]
        note.write_bytes(b"")
        arguments = (settings, _use, (mine, number, note))
        processes.append(context.Process(target=_alone, args=arguments))
    for process in processes:
        process.start()
    for process in processes[:kills]:
        process.join(0.5)
        process.kill()
    for process in processes:
        process.join()
    return [one for note in notes for one in note.read_text().split()]


def _alone(settings: Settings, work: Work, part: Any) -> None:
    asyncio.run(with_sessions(settings, work, part))


async def _count(sessions: RedisSessionManager, _: object) -> tuple[SessionCounts, tuple[int, int]]:
    """Return what the counters say, and how many records there are, and used ones among them."""

    async def count(client: Redis) -> tuple[int, int]:
        made = used = 0
        batch: list[bytes] = []
        async for key in client.scan_iter(match=f"{RECORD}*", count=10_000):
            batch.append(key)
            if len(batch) == 10_000:
                made, used, batch = made + len(batch), used + await _used(client, batch), []
        return made + len(batch), used + await _used(client, batch)

    while True:
        try:
            return await sessions.count(), await sessions.work_with(count)
        except SessionsAwayError:
            await asyncio.sleep(0.05)


async def _used(client: Redis, keys: list[bytes]) -> int:
    found = map(find_record, await client.mget(keys)) if keys else ()
    return sum(record is not None and record.used for record in found)


def settings_of(valkey: Valkey, folder: Path, most: int) -> Settings:
    """Return what an API with this Redis would read, with a catalog of its own."""
    config = folder / "strongroom.toml"
    config.write_text('[regions.here]\npath = "here"\n')
    url = f"sqlite:///{folder}/catalog.db"
    engine = open_engine(url)
    upgrade(engine)
    engine.dispose()
    place = SessionRedis(host=LOOPBACK, port=valkey.port, password=SecretStr(valkey.password))
    settings = load_settings(config, {"STRONGROOM_CATALOG_URL": url})
    return settings.model_copy(
        update={"session_redis": place, "sessions": SessionSettings(max_sessions=most, minutes=1440)}
    )


def _all_at_once(settings: Settings, work: Work, parts: list[Any]) -> list[Any]:
    context = multiprocessing.get_context("fork")
    pipes = [context.Pipe(duplex=False) for _ in parts]
    processes = [
        context.Process(target=_one_process, args=(settings, work, part, pipe[1]))
        for part, pipe in zip(parts, pipes, strict=True)
    ]
    for process in processes:
        process.start()
    answers = [pipe[0].recv() for pipe in pipes]
    for process in processes:
        process.join()
    return answers


def _one_process(settings: Settings, work: Work, part: Any, answer: Any) -> None:
    answer.send(asyncio.run(with_sessions(settings, work, part)))


async def with_sessions(settings: Settings, work: Work, part: Any) -> Any:
    """Have work done with the sessions of one process."""
    catalog = Catalog(open_engine(settings.catalog_url.get_secret_value()))
    sessions = open_sessions(settings, catalog, SystemClock(), system_random)
    try:
        return await work(sessions, part)
    finally:
        await sessions.close()
        catalog.close()


async def _make(sessions: RedisSessionManager, number: int) -> list[str]:
    made: list[str] = []

    async def one_after_another() -> None:
        while len(made) < number:
            try:
                made.append(await sessions.create())
            except SessionsAwayError:
                await asyncio.sleep(0.05)

    await asyncio.gather(*(one_after_another() for _ in range(AT_A_TIME)))
    return made


async def _make_some(sessions: RedisSessionManager, number: int) -> int:
    made = 0
    for _ in range(number):
        while True:
            try:
                await sessions.create()
                made += 1
            except SessionsFullError:
                pass
            except SessionsAwayError:
                await asyncio.sleep(0.05)
                continue
            break
    return made


async def _use(sessions: RedisSessionManager, part: tuple[list[str], int, Path]) -> None:
    """Write down each use that is accepted, at once: whoever is killed next leaves what it was told."""
    session_ids, seed, note = part
    random.Random(seed).shuffle(session_ids)
    accepted = os.open(note, os.O_WRONLY | os.O_APPEND)

    async def one_after_another() -> None:
        while session_ids:
            session_id = session_ids.pop()
            try:
                await sessions.consume(session_id)
                os.write(accepted, f"{session_id}\n".encode())
            except SessionInvalidError:
                continue
            except SessionsAwayError:
                # It may have been used, with the answer lost on its way; whoever asks again hears so.
                session_ids.append(session_id)
                await asyncio.sleep(0.05)

    await asyncio.gather(*(one_after_another() for _ in range(AT_A_TIME)))


def _killing(valkey: Valkey, kills: int) -> Callable[[], None]:
    """Kill and start Redis in the background, a second apart; the function that is returned waits for the end."""

    def kill() -> None:
        for _ in range(kills):
            time.sleep(0.7)
            valkey.kill()
            valkey.start()

    thread = threading.Thread(target=kill)
    thread.start()
    return thread.join
