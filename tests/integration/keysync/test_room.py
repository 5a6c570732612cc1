"""One peer fills no more of the catalog than its share."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import select

from strongroom.catalog.alerts import Alert, AlertState
from strongroom.keysync.messages import KeyItem, KeyStatus
from strongroom.keysync.refusals import MessageRefusedError
from strongroom.keysync.voiding import expire
from tests.integration.keysync.sites import Sites

ONE = "ab" * 16


def item(sites: Sites, key_id: str) -> KeyItem:
    now = sites.clock.now()
    return KeyItem(key_id, bytes(32), 256, now, now + timedelta(hours=1), "B")


def send(sites: Sites, *items: KeyItem) -> list[KeyStatus]:
    verdicts = sites.a.store.accept(sites.line.sign("B"), items, sites.clock.now())
    return [verdict.status for verdict in verdicts]


def alerts(sites: Sites) -> Sequence[Alert]:
    with sites.a.catalog.read() as session:
        return session.scalars(select(Alert)).all()


def test_one_peer_fills_no_more_than_its_share_and_opens_an_alert(sites: Sites) -> None:
    keys = [item(sites, f"{number:032x}") for number in range(61)]
    assert send(sites, *keys[:60]) == [KeyStatus.STORED] * 60

    with pytest.raises(MessageRefusedError, match="full"):
        send(sites, keys[60])
    assert send(sites, keys[0]) == [KeyStatus.DUPLICATE]
    [alert] = alerts(sites)
    assert (alert.cause, alert.source, alert.state) == ("skip.peer_full", "B", AlertState.OPEN)

    sites.a.delivery.fetch(keys[0].key_id, "B")
    assert send(sites, keys[60]) == [KeyStatus.STORED]
    with pytest.raises(MessageRefusedError, match="full"):
        send(sites, item(sites, ONE))
    expire(sites.a)
    assert [alert.state for alert in alerts(sites)] == [AlertState.OPEN]
    sites.a.delivery.fetch(keys[1].key_id, "B")
    expire(sites.a)
    assert [alert.state for alert in alerts(sites)] == [AlertState.RESOLVED]


def test_what_is_remembered_of_one_peer_has_a_bound_too(sites: Sites) -> None:
    ids = [f"{number:032x}" for number in range(601)]
    assert sites.a.store.void(sites.line.sign("B"), ids[:600], sites.clock.now()) == 0

    with pytest.raises(MessageRefusedError, match="full"):
        sites.a.store.void(sites.line.sign("B"), ids, sites.clock.now())
    with pytest.raises(MessageRefusedError, match="full"):
        send(sites, item(sites, ONE))
    assert [alert.cause for alert in alerts(sites)] == ["skip.peer_full"]
