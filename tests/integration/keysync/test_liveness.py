"""A peer that does not answer becomes suspect, then offline with an alert, and comes back with its pool filled."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from strongroom.catalog.alerts import Alert, AlertState
from strongroom.catalog.skip_peers import PeerStatus, SkipPeer, find_peer
from strongroom.catalog.tallies import read_tallies
from strongroom.keysync.beating import beat_all, exchange_all
from strongroom.keysync.keeping import PskState
from strongroom.keysync.liveness import is_any_coming_back, note_answer
from strongroom.keysync.refilling import fill, refill_all
from tests.integration.keysync.sites import Answer, Sites


def beat(sites: Sites) -> list[str]:
    low = beat_all(sites.a)
    sites.clock.ahead += timedelta(seconds=10)
    return low


def known(sites: Sites) -> SkipPeer:
    with sites.a.catalog.read() as session:
        peer = find_peer(session, "B")
    assert peer is not None
    return peer


def alerts(sites: Sites) -> Sequence[Alert]:
    with sites.a.catalog.read() as session:
        return session.scalars(select(Alert)).all()


def test_three_missed_heartbeats_are_an_alert_and_two_good_ones_end_it(sites: Sites) -> None:
    beat(sites)
    seen = [known(sites).status]
    sites.line.up = False
    for _ in range(4):
        beat(sites)
        seen.append(known(sites).status)
    sites.line.up = True
    for _ in range(2):
        beat(sites)
        seen.append(known(sites).status)

    on, suspect, off = PeerStatus.ONLINE, PeerStatus.SUSPECT, PeerStatus.OFFLINE
    assert seen == [on, on, suspect, off, off, off, on]
    [alert] = alerts(sites)
    assert (alert.cause, alert.source, alert.count, alert.state) == ("skip.peer_offline", "B", 1, AlertState.RESOLVED)


def test_an_answer_of_an_incarnation_that_ended_says_nothing_of_the_peer(sites: Sites) -> None:
    beat(sites)
    sites.line.up = False
    for _ in range(3):
        beat(sites)
    assert known(sites).status is PeerStatus.OFFLINE
    assert known(sites).silence == "The line is down."
    late = Answer((), sites.line.sign("B", boot=11), timedelta(seconds=500))
    sites.a.store.heard(late.sign, None, sites.clock.now())
    sites.a.store.heard(replace(late.sign, boot=22, sent_at=sites.clock.now()), None, sites.clock.now())

    with sites.a.catalog.begin() as session:
        note_answer(session, late, sites.clock.now())

    peer = known(sites)
    assert (peer.status, peer.missed, peer.good, peer.boot) == (PeerStatus.OFFLINE, 3, 0, 22)
    assert [alert.cause for alert in alerts(sites)] == ["skip.peer_offline"]


def test_two_ticks_at_once_send_one_heartbeat(sites: Sites) -> None:
    sites.line.up = False
    beat_all(sites.a)
    beat_all(sites.a)

    assert known(sites).missed == 1


def test_a_peer_that_comes_back_is_asked_again_before_the_next_round(sites: Sites) -> None:
    sites.line.up = False
    for _ in range(3):
        beat(sites)
    assert not coming_back(sites)
    sites.line.up = True
    beat_all(sites.a)
    assert known(sites).status is PeerStatus.OFFLINE
    assert coming_back(sites)

    beat_all(sites.a)
    assert known(sites).good == 1
    sites.clock.ahead += timedelta(seconds=3)
    beat_all(sites.a)

    assert known(sites).status is PeerStatus.ONLINE
    assert not coming_back(sites)


def coming_back(sites: Sites) -> bool:
    with sites.a.catalog.read() as session:
        return is_any_coming_back(session)


def test_an_answered_heartbeat_says_whose_pool_is_low(sites: Sites) -> None:
    assert beat(sites) == ["B"]
    fill(sites.a, "B")
    assert beat(sites) == []
    assert exchange_all(sites.a) == ["B"]


def test_sending_keys_is_tried_less_and_less_often_until_the_peer_answers(sites: Sites) -> None:
    sites.line.up = False
    waits = []
    for _ in range(8):
        now = sites.clock.now()
        assert refill_all(sites.a) == []
        retry_at = known(sites).retry_at
        assert retry_at is not None
        # Between two looks at the clock, however long a busy machine takes from one to the other.
        assert retry_at - sites.clock.now() <= timedelta(seconds=60)
        waits.append((retry_at - now).total_seconds())
        assert fill(sites.a, "B") == 0
        sites.clock.ahead += timedelta(seconds=waits[-1] + 10)
    assert all(wait >= 0.9 for wait in waits)
    assert waits[-1] >= 30
    assert known(sites).failures == 8

    sites.line.up = True
    sites.clock.ahead += timedelta(seconds=61)
    assert refill_all(sites.a) == ["B"]
    assert known(sites).failures == 0


def test_a_new_secret_is_tried_with_the_heartbeat_until_both_sides_have_it(sites: Sites) -> None:
    sites.a.psks.install("B", "p2", b"2" * 32)
    beat(sites)
    assert known(sites).missed == 0
    assert sites.a.store.psks("B")[0].psk_id == "p1"

    sites.b.psks.install("A", "p2", b"2" * 32)
    beat(sites)

    for provider, peer in ((sites.a, "B"), (sites.b, "A")):
        psks = provider.store.psks(peer)
        assert [(psk.psk_id, psk.state) for psk in psks] == [("p2", PskState.CURRENT), ("p1", PskState.RETIRING)]
    beat(sites)
    assert fill(sites.a, "B") == 20


@pytest.mark.parametrize(("seconds", "found"), [(60, []), (-121, ["skip.peer_clock"])])
def test_clocks_that_are_far_apart_are_an_alert(sites: Sites, seconds: int, found: list[str]) -> None:
    sites.line.offset = timedelta(seconds=seconds)
    beat(sites)
    assert [alert.cause for alert in alerts(sites)] == found

    sites.line.offset = timedelta()
    beat(sites)
    assert {alert.state for alert in alerts(sites)} <= {AlertState.RESOLVED}


def test_keys_and_failures_are_counted_on_both_sides(sites: Sites) -> None:
    confirmed = fill(sites.a, "B")
    sites.line.up = False
    for _ in range(2):
        beat(sites)

    with sites.a.catalog.read() as session:
        ours = read_tallies(session)
    with sites.b.catalog.read() as session:
        theirs = read_tallies(session)
    assert (ours["sync_keys", "B", ""], theirs["sync_keys", "A", ""]) == (confirmed, confirmed)
    assert ours["sync_errors", "B", ""] == 2
