"""A key is given once, and not before the peer can serve it."""

import multiprocessing
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import timedelta
from itertools import islice
from pathlib import Path

import pytest
from sqlalchemy import select

from strongroom.catalog.skip_key_queries import find_key_state
from strongroom.catalog.skip_keys import KeyState, UnspentKey
from strongroom.errors import StrongroomError
from strongroom.keysync.beating import beat_all
from strongroom.keysync.delivery import Delivery, Stock
from strongroom.keysync.giving_errors import (
    BadKeySizeError,
    NoEntropyNowError,
    NoKeyNowError,
    UnknownKeyError,
    UnknownRemoteError,
)
from strongroom.keysync.messages import KeyItem, KeyStatus, KeyVerdict
from strongroom.keysync.places import MOST_PUSHES
from strongroom.keysync.provider import Provider, open_provider
from strongroom.keysync.refilling import fill
from strongroom.keysync.voiding import expire
from strongroom.settings import PeerSettings
from tests.integration.keysync import killed
from tests.integration.keysync.sites import Answer, LineDownError, Sites


def state(provider: Provider, origin: str, key_id: str) -> KeyState | None:
    with provider.catalog.read() as session:
        return find_key_state(session, origin, key_id)


def unspent(provider: Provider) -> list[UnspentKey]:
    with provider.catalog.read() as session:
        return list(session.scalars(select(UnspentKey)))


def test_both_sides_are_given_the_same_key_once(sites: Sites) -> None:
    assert fill(sites.a, "B") == 20

    given = sites.a.delivery.take("B")
    assert sites.b.delivery.fetch(given.key_id.upper(), "A") == given.key
    assert len(given.key) == 32

    with pytest.raises(UnknownKeyError):
        sites.b.delivery.fetch(given.key_id, "A")
    assert state(sites.a, "A", given.key_id) is KeyState.DELIVERED
    assert state(sites.b, "A", given.key_id) is KeyState.DELIVERED


def test_the_pool_gives_every_key_once_and_goes_on_while_the_peer_is_away(sites: Sites) -> None:
    fill(sites.a, "B")
    sites.line.up = False

    given = [sites.a.delivery.take("B").key_id for _ in range(20)]

    assert len(set(given)) == 20
    with pytest.raises(NoKeyNowError):
        sites.a.delivery.take("B")


def test_an_empty_pool_sends_a_key_at_once_in_any_size(sites: Sites) -> None:
    given = sites.a.delivery.take("B", 128)

    assert len(given.key) == 16
    assert sites.b.delivery.fetch(given.key_id, "A") == given.key


def test_a_key_whose_answer_was_lost_is_not_given_until_it_is_confirmed(sites: Sites) -> None:
    sites.line.answers = False
    with pytest.raises(NoKeyNowError):
        sites.a.delivery.take("B")
    [sent] = sites.line.pushed
    assert state(sites.a, "A", sent.key_id) is KeyState.SENDING
    assert state(sites.b, "A", sent.key_id) is KeyState.HELD

    sites.line.answers = True
    sites.clock.ahead += timedelta(seconds=70)
    fill(sites.a, "B")

    assert [item.key_id for item in sites.line.pushed].count(sent.key_id) == 2
    assert state(sites.a, "A", sent.key_id) is KeyState.SYNCED
    assert sites.a.delivery.take("B").key_id == sent.key_id
    assert sites.b.delivery.fetch(sent.key_id, "A") == sent.key


def test_fifty_who_ask_for_one_key_at_once_get_it_once(sites: Sites) -> None:
    fill(sites.b, "A")
    given = sites.b.delivery.take("A")

    def ask(_: int) -> bytes | str:
        try:
            return bytes(sites.a.delivery.fetch(given.key_id, "B"))
        except UnknownKeyError as error:
            return error.code

    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(ask, range(50)))

    assert answers.count(bytes(given.key)) == 1
    assert answers.count(UnknownKeyError.code) == 49


def test_a_process_killed_between_commit_and_answer_leaves_nothing_to_give(
    sites: Sites, tmp_path: Path, catalog_url: str
) -> None:
    fill(sites.b, "A")
    given = sites.b.delivery.take("A")

    arguments = (tmp_path / "A", catalog_url, given.key_id, "B")
    child = multiprocessing.get_context("spawn").Process(target=killed.fetch_and_die, args=arguments)
    child.start()
    child.join()

    assert child.exitcode == -signal.SIGKILL
    assert state(sites.a, "B", given.key_id) is KeyState.DELIVERED
    with pytest.raises(UnknownKeyError):
        sites.a.delivery.fetch(given.key_id, "B")


def test_of_keys_that_a_killed_process_had_taken_none_is_given_again(
    sites: Sites, tmp_path: Path, catalog_url: str
) -> None:
    fill(sites.a, "B")
    made = {row.key_id for row in unspent(sites.a)}

    arguments = (tmp_path / "A", catalog_url, "B")
    child = multiprocessing.get_context("spawn").Process(target=killed.take_and_die, args=arguments)
    child.start()
    child.join()

    assert child.exitcode == -signal.SIGKILL
    left = {row.key_id for row in unspent(sites.a)}
    assert 1 <= len(made - left) <= killed.TAKERS
    assert {sites.a.delivery.take("B").key_id for _ in left} == left


def test_fifty_who_take_at_once_get_different_keys_that_the_peer_can_serve(sites: Sites) -> None:
    fill(sites.a, "B")

    def take(_: int) -> str | None:
        try:
            given = sites.a.delivery.take("B")
        except StrongroomError:
            return None
        assert state(sites.b, "A", given.key_id) is KeyState.HELD
        return given.key_id

    with ThreadPoolExecutor(16) as threads:
        answers = [key_id for key_id in threads.map(take, range(50)) if key_id]

    assert len(answers) == len(set(answers)) == 50


def test_a_key_belongs_to_the_provider_that_made_it(sites: Sites) -> None:
    given = sites.a.delivery.take("B")

    for provider, remote in ((sites.a, "B"), (sites.b, "B")):
        with pytest.raises((UnknownKeyError, UnknownRemoteError)):
            provider.delivery.fetch(given.key_id, remote)
    with pytest.raises(UnknownRemoteError):
        sites.b.delivery.fetch(given.key_id, "*")
    with pytest.raises(UnknownKeyError):
        sites.b.delivery.fetch("zz-not-hex", "A")
    assert sites.b.delivery.fetch(given.key_id, "A") == given.key


@pytest.mark.parametrize("bits", [0, 64, 127, 130, 520, -256])
def test_there_are_no_keys_of_odd_sizes(sites: Sites, bits: int) -> None:
    with pytest.raises(BadKeySizeError):
        sites.a.delivery.take("B", bits)


def test_the_receiver_keeps_a_key_longer_than_its_maker_gives_it(sites: Sites) -> None:
    fill(sites.a, "B")
    sites.clock.ahead += timedelta(seconds=3540)
    last = sites.a.delivery.take("B")

    sites.clock.ahead += timedelta(seconds=600)
    expire(sites.a)
    expire(sites.b)

    assert unspent(sites.a) == []
    assert sites.b.delivery.fetch(last.key_id, "A") == last.key
    sites.clock.ahead += timedelta(seconds=180)
    other = unspent(sites.b)[0].key_id
    with pytest.raises(UnknownKeyError):
        sites.b.delivery.fetch(other, "A")
    expire(sites.b)
    assert state(sites.b, "A", other) is KeyState.EXPIRED


def test_a_peer_that_is_offline_is_not_waited_for(sites: Sites) -> None:
    sites.line.up = False
    for _ in range(3):
        beat_all(sites.a)
        sites.clock.ahead += timedelta(seconds=10)
    sites.line.up = True

    with pytest.raises(NoKeyNowError):
        sites.a.delivery.take("B")
    assert sites.line.pushed == []


def test_a_pool_is_filled_when_it_is_low_and_no_further(sites: Sites) -> None:
    assert fill(sites.a, "B") == 20
    assert fill(sites.a, "B") == 0
    for _ in range(13):
        sites.a.delivery.take("B")
    assert fill(sites.a, "B") == 13


def test_keys_do_not_show_in_what_is_stored_or_printed(sites: Sites) -> None:
    fill(sites.a, "B")
    given = sites.a.delivery.take("B")

    assert bytes(given.key).hex() not in repr(given) + repr(sites.line.pushed)
    stored = b"".join(row.sealed for row in unspent(sites.a) + unspent(sites.b))
    assert not any(item.key in stored for item in sites.line.pushed)


def test_a_peer_that_hangs_leaves_threads_for_another_that_is_well(
    sites: Sites, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, go_on, pushed = threading.Semaphore(0), threading.Event(), []

    def push(peer: str, items: Sequence[KeyItem], within: float) -> Answer:
        if peer == "C":
            return Answer([KeyVerdict(item.key_id, KeyStatus.STORED) for item in items], sites.line.sign("C", boot=3))
        pushed.append(peer)
        waiting.release()
        go_on.wait(30)
        raise LineDownError("The peer did not answer.", next_step="Mend it.")

    delivery = with_third_peer(sites.a)
    with monkeypatch.context() as hanging, ThreadPoolExecutor(40) as threads:
        hanging.setattr(sites.line, "push", push)
        # As many as a face has threads.
        slow = [threads.submit(delivery.take, "B", 128) for _ in range(40)]
        for _ in range(MOST_PUSHES):
            assert waiting.acquire(timeout=30)

        assert len(threads.submit(delivery.take, "C", 128).result(timeout=20).key) == 16
        turned_away = list(islice(as_completed(slow, timeout=20), 32))
        assert {type(asked.exception()) for asked in turned_away} == {NoKeyNowError}
        with pytest.raises(NoKeyNowError):
            delivery.take("B", 128)
        go_on.set()

    assert len(pushed) == MOST_PUSHES
    assert len(delivery.take("B", 128).key) == 16


def with_third_peer(provider: Provider) -> Delivery:
    """Return what gives keys of one peer more, C."""
    third = PeerSettings(name="third", system_id="C", url="https://127.0.0.1:1")
    settings = provider.settings.model_copy(update={"peers": provider.settings.peers | {"third": third}})
    provider.psks.install("C", "p1", bytes(32))
    stock = Stock(provider.catalog, provider.store, provider.sealers, provider.pool, provider.link)
    return Delivery(settings, stock, clock=provider.clock, entropy=provider.random)


def test_a_peer_that_rests_after_failures_is_sent_nothing(sites: Sites) -> None:
    sites.line.up = False
    fill(sites.a, "B")
    sites.line.up = True

    with pytest.raises(NoKeyNowError):
        sites.a.delivery.take("B", 128)

    assert sites.line.pushed == []
    sites.clock.ahead += timedelta(seconds=3)
    assert len(sites.a.delivery.take("B", 128).key) == 16


def test_no_more_keys_than_the_pool_holds_wait_to_be_confirmed(sites: Sites) -> None:
    sites.line.answers = False
    for _ in range(30):
        with pytest.raises(NoKeyNowError):
            sites.a.delivery.take("B", 128)

    assert len(sites.line.pushed) == 26


def test_entropy_is_given_while_the_peer_is_away(sites: Sites) -> None:
    sites.line.up = False

    assert len(sites.a.delivery.entropy(2048)) == 256


@pytest.mark.parametrize("error", [BlockingIOError, NotImplementedError])
def test_a_generator_that_has_none_gives_no_entropy(sites: Sites, error: type[Exception]) -> None:
    def empty(size: int) -> bytes:
        raise error

    provider = open_provider(sites.services("A"), lambda _: sites.line, entropy=empty)

    with pytest.raises(NoEntropyNowError):
        provider.delivery.entropy(256)
