"""Sessions are used once, are never too many, and are counted exactly; whoever reads Redis can use none of them."""

import asyncio
import logging
import multiprocessing
import random
import time
from collections import Counter
from datetime import timedelta
from multiprocessing.connection import Connection

import pytest

from api.sessions.errors import SessionInvalidError, SessionsAwayError, SessionsFullError
from api.sessions.keys import EPOCH, RECORD, find_digest
from api.sessions.records import find_record
from api.sessions.redis_sessions import RedisSessionManager
from strongroom.settings import SessionIdFormat
from tests.integration.sessions.conftest import House
from tests.services.proxy import TcpProxy
from tests.services.valkey import Valkey

SEED = 9


def test_a_session_is_used_once(house: House):
    async def use(manager: RedisSessionManager):
        session_id = await manager.create()
        used = await manager.consume(session_id)
        with pytest.raises(SessionInvalidError):
            await manager.consume(session_id)
        return used, await manager.count()

    used, counts = house.run(use)

    assert used.visit is None
    assert used.created_at <= used.used_at
    assert (counts.total, counts.used, counts.created_ever, counts.used_ever) == (1, 1, 1, 1)


def test_every_wrong_id_gets_the_same_answer_and_a_reason_in_the_log(house: House, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.WARNING)

    async def use(manager: RedisSessionManager):
        used = await manager.create()
        await manager.consume(used)
        answers = set()
        for wrong in (used, "A" * 43, "", "x" * 100_000, "a\nb", "é" * 43, "../" * 14 + "a"):
            with pytest.raises(SessionInvalidError) as refused:
                await manager.consume(wrong)
            answers.add(str(refused.value))
        return used, answers

    used, answers = house.run(use)

    assert len(answers) == 1
    reasons = [record.getMessage().rpartition(": ")[2] for record in caplog.records]
    assert Counter(reasons) == {"used": 1, "unknown": 1, "malformed": 5}
    assert used not in caplog.text


def test_an_expired_session_is_known_as_such_while_the_index_has_it(house: House, valkey: Valkey, caplog):
    async def use(manager: RedisSessionManager):
        session_id = await manager.create()
        with valkey.client() as client:
            # What Redis does by itself after half an hour.
            client.delete(RECORD + str(find_digest(session_id)))
        with pytest.raises(SessionInvalidError):
            await manager.consume(session_id)

    house.run(use)

    assert caplog.records[-1].getMessage().endswith("expired")


def test_redis_forgets_sessions_by_itself_and_knows_no_id(house: House, valkey: Valkey):
    house.at("127.0.0.1", valkey.port, minutes=7)
    session_id = house.run(lambda manager: manager.create())

    with valkey.client() as client:
        names = {key.decode() for key in client.scan_iter()}
        (record,) = (name for name in names if name.startswith(RECORD))
        assert 400 < client.ttl(record) <= 420
        stored = find_record(client.get(record))
        dump = b"".join(client.dump(name) for name in names)
    assert record == f"auth_session:{find_digest(session_id)}"
    assert stored is not None
    assert stored.expires_at - stored.created_at == timedelta(minutes=7)
    assert (stored.used, stored.iframe_opened) == (False, False)
    assert session_id.encode() not in dump


@pytest.mark.parametrize(("form", "length"), [(SessionIdFormat.TOKEN, 43), (SessionIdFormat.UUID4, 36)])
def test_an_id_has_the_form_that_is_asked_for(house: House, form: SessionIdFormat, length: int):
    redis = house.settings.session_redis.model_copy(update={"id_format": form})
    house.settings = house.settings.model_copy(update={"session_redis": redis})

    async def use(manager: RedisSessionManager):
        session_id = await manager.create()
        await manager.consume(session_id)
        return session_id

    assert len(house.run(use)) == length


async def create_many(manager: RedisSessionManager, number: int) -> list[str | BaseException]:
    """Make sessions, sixteen at a time, and return what each call gave."""
    await until_ready(manager)

    async def one_after_another() -> list[str | BaseException]:
        mine = range(number // 16 + (number % 16 > 0))
        return [(await asyncio.gather(manager.create(), return_exceptions=True))[0] for _ in mine]

    groups = await asyncio.gather(*(one_after_another() for _ in range(16)))
    return [answer for group in groups for answer in group][:number]


def test_there_are_never_too_many_and_callers_hear_when_there_is_room(house: House, valkey: Valkey):
    house.at("127.0.0.1", valkey.port, max_sessions=100)

    async def crowd(manager: RedisSessionManager):
        answers = await create_many(manager, 304)
        counts = await manager.count()
        made = [answer for answer in answers if isinstance(answer, str)]
        refused = [answer for answer in answers if isinstance(answer, SessionsFullError)]
        return made, refused, counts

    made, refused, counts = house.run(crowd)

    assert (len(made), len(refused)) == (100, 204)
    assert (counts.total, counts.refused_ever) == (100, 204)
    assert all(1700 < error.retry_after <= 1800 for error in refused)


def test_when_all_expire_at_once_there_is_room_for_as_many_and_no_more(house: House, valkey: Valkey):
    house.at("127.0.0.1", valkey.port, max_sessions=50)

    async def crowd(manager: RedisSessionManager):
        await create_many(manager, 50)
        with valkey.client() as client:
            ended = int(time.time() * 1000) - 1
            client.zadd("auth_session_idx", dict.fromkeys(client.zrange("auth_session_idx", 0, -1), ended))
        before = await manager.count()
        answers = await create_many(manager, 80)
        return before, answers, await manager.count()

    before, answers, after = house.run(crowd)

    assert before.total == 0
    assert sum(isinstance(answer, str) for answer in answers) == 50
    assert after.total == 50


def consume_all(house: House, session_ids: list[str], seed: int, answers: Connection) -> None:
    """Try every session in an order of one's own, through outages, and say which were accepted."""
    random.Random(seed).shuffle(session_ids)

    async def use(manager: RedisSessionManager) -> list[str]:
        accepted = []
        for session_id in session_ids:
            try:
                await manager.consume(session_id)
                accepted.append(session_id)
            except SessionInvalidError:
                continue
            except SessionsAwayError:
                await asyncio.sleep(0.02)
        return accepted

    answers.send(house.run(use))


@pytest.mark.parametrize("kills", [0, 2])
def test_of_four_processes_one_uses_each_session_also_when_redis_is_killed(house: House, valkey: Valkey, kills: int):
    house.at("127.0.0.1", valkey.port, max_sessions=5000)

    async def make(manager: RedisSessionManager):
        return [await manager.create() for _ in range(600)]

    session_ids = house.run(make)
    until_on_disk(valkey)
    context = multiprocessing.get_context("fork")
    pipes = [context.Pipe(duplex=False) for _ in range(4)]
    processes = [
        context.Process(target=consume_all, args=(house, list(session_ids), SEED + number, pipe[1]))
        for number, pipe in enumerate(pipes)
    ]
    for process in processes:
        process.start()
    for _ in range(kills):
        time.sleep(0.3)
        valkey.kill()
        valkey.start()
    accepted = [session_id for pipe in pipes for session_id in pipe[0].recv()]
    for process in processes:
        process.join()

    counts = house.run(lambda manager: manager.count())
    assert max(Counter(accepted).values()) == 1
    assert counts.created_ever == 600
    # An answer can be lost on its way, a use cannot: what counts is what Redis did.
    with valkey.client() as client:
        records = [find_record(client.get(key)) for key in client.scan_iter(f"{RECORD}*")]
    assert counts.used_ever == sum(record is not None and record.used for record in records)
    assert len(accepted) == 600 if kills == 0 else len(accepted) <= counts.used_ever


def test_a_restart_of_redis_ends_every_session_since_it_may_have_forgotten_uses(house: House, valkey: Valkey, caplog):
    async def over_a_restart(manager: RedisSessionManager):
        old = await manager.create()
        visit = (await manager.consume(await manager.create(), visit=True)).visit
        await manager.verify_visit(visit)
        until_on_disk(valkey)
        valkey.kill()
        valkey.start()
        await until_created(manager)
        with pytest.raises(SessionInvalidError):
            await manager.consume(old)
        with pytest.raises(SessionInvalidError):
            await manager.verify_visit(visit)
        await manager.consume(await manager.create())
        return await manager.count()

    counts = house.run(over_a_restart)

    assert [record.getMessage().rpartition(": ")[2] for record in caplog.records] == ["forgotten", "forgotten"]
    assert (counts.total, counts.used, counts.created_ever, counts.used_ever) == (2, 1, 4, 2)


def test_all_processes_are_given_the_same_epoch(house: House, valkey: Valkey):
    session_id = house.run(lambda manager: manager.create())
    with valkey.client() as client:
        epoch = client.get(EPOCH)
    house.run(lambda manager: manager.consume(session_id))

    with valkey.client() as client:
        assert client.get(EPOCH) == epoch


def test_a_page_that_is_opened_is_written_down_as_opened(house: House, valkey: Valkey):
    async def use(manager: RedisSessionManager):
        session_id = await manager.create()
        return session_id, await manager.consume(session_id, visit=True)

    session_id, used = house.run(use)

    with valkey.client() as client:
        key = f"{RECORD}{find_digest(session_id)}"
        record = find_record(client.get(key))
        assert 1700 < client.ttl(key) <= 1800
    assert record is not None
    assert (record.iframe_opened, record.used_at, record.created_at) == (True, used.used_at, used.created_at)


def test_a_record_that_no_script_of_today_wrote_opens_nothing(house: House, valkey: Valkey, caplog):
    async def use(manager: RedisSessionManager):
        session_id = await manager.create()
        with valkey.client() as client:
            client.set(f"{RECORD}{find_digest(session_id)}", '{"session_id":"01234567","used":false}', keepttl=True)
        with pytest.raises(SessionInvalidError):
            await manager.consume(session_id)

    house.run(use)

    assert caplog.records[-1].getMessage().endswith("forgotten")


def test_a_server_that_forgot_the_scripts_hears_them_again(house: House, valkey: Valkey):
    async def use(manager: RedisSessionManager):
        first = await manager.create()
        with valkey.client() as client:
            client.script_flush()
        await manager.consume(first)
        return await manager.count()

    assert house.run(use).used_ever == 1


def test_a_redis_that_is_emptied_while_it_runs_takes_sessions_again(house: House, valkey: Valkey):
    async def use(manager: RedisSessionManager):
        old = await manager.create()
        with valkey.client() as client:
            client.flushall()
        with pytest.raises(SessionInvalidError):
            await manager.consume(old)
        with pytest.raises(SessionsAwayError):
            await manager.create()
        return await manager.consume(await manager.create())

    assert house.run(use)


@pytest.mark.parametrize("fault", ["refuse", "black_hole", "reset"])
def test_an_outage_is_known_in_time_and_over_soon_after_it(house: House, valkey: Valkey, tcp_proxy, fault: str):
    proxy: TcpProxy = tcp_proxy(f"redis://127.0.0.1:{valkey.port}")
    house.at("127.0.0.1", proxy.port)
    house.hurry()

    async def use(manager: RedisSessionManager):
        await until_created(manager)
        getattr(proxy, fault)()
        said = []
        for _ in range(8):
            with pytest.raises(SessionsAwayError) as away:
                await manager.create()
            said.append(away.value.what)
        assert away.value.retry_after == 2
        proxy.forward()
        return said, await until_created(manager)

    said, seconds = house.run(use)

    # After five failures nothing is asked any more, so the last ones are answered at once.
    assert ["just now" in one for one in said] == [False] * 5 + [True] * 3
    assert seconds < 30


async def until_ready(manager: RedisSessionManager) -> None:
    """Wait for the first connection, whose epoch a busy machine may write into the catalog too late for one call."""
    while True:
        try:
            return await manager.verify()
        except SessionsAwayError:
            await asyncio.sleep(0.05)


def until_on_disk(valkey: Valkey) -> None:
    """Wait until all that was written is in the file: while the disk is slow, a server may keep it for a moment."""
    with valkey.client() as client:
        client.set("last", "1")
        assert client.execute_command("WAITAOF", 1, 0, 8_000) == [1, 0]
        client.delete("last")


async def until_created(manager: RedisSessionManager) -> float:
    began = time.monotonic()
    while True:
        try:
            await manager.create()
        except SessionsAwayError:
            await asyncio.sleep(0.05)
        else:
            return time.monotonic() - began


def test_where_the_catalog_is_away_no_session_is_made_and_none_is_taken(house: House, valkey: Valkey, tmp_path):
    (tmp_path / "catalog.db").unlink()
    (tmp_path / "catalog.db").mkdir()

    async def use(manager: RedisSessionManager):
        with pytest.raises(SessionsAwayError):
            await manager.create()
        with pytest.raises(SessionsAwayError):
            await manager.consume("A" * 43)

    house.catalog.close()
    house.run(use)
