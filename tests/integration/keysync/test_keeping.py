"""What a peer sends is kept once, whatever is sent again; a restart or a restore brings nothing back."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from strongroom.catalog.alerts import Alert
from strongroom.catalog.skip_key_queries import find_key_state
from strongroom.catalog.skip_keys import KeyState, SealingKey, UnspentKey
from strongroom.catalog.skip_peers import SkipBoot
from strongroom.catalog.skip_psks import SkipPsk
from strongroom.keyring.key_file import KeyFile
from strongroom.keyring.local import LocalKekProvider
from strongroom.keysync.giving_errors import PskExistsError, UnknownKeyError
from strongroom.keysync.joining import install_secrets
from strongroom.keysync.keeping import Epoch, Hearing, PskState
from strongroom.keysync.messages import CapabilityExchange, Heartbeat, KeyItem, KeyStatus, KeyVerdict, Profile
from strongroom.keysync.provider import Provider
from strongroom.keysync.psk_file import CarriedPsk, write_psk
from strongroom.keysync.psks import Psks
from strongroom.keysync.refilling import fill
from strongroom.keysync.refusals import MessageRefusedError
from strongroom.keysync.sealing import Sealers
from strongroom.keysync.voiding import expire, void_all
from tests.integration.keysync.sites import Answer, Sites


def item(sites: Sites, key_id: str = "ab" * 16, fill_byte: int = 7, minutes: int = 60) -> KeyItem:
    now = sites.clock.now()
    return KeyItem(key_id, bytes([fill_byte]) * 32, 256, now, now + timedelta(minutes=minutes), "B")


def send(sites: Sites, *items: KeyItem, boot: int | None = None) -> list[KeyStatus]:
    """Have A accept keys of B."""
    verdicts = sites.a.store.accept(sites.line.sign("B", boot=boot), items, sites.clock.now())
    assert [verdict.key_id for verdict in verdicts] == [sent.key_id for sent in items]
    return [verdict.status for verdict in verdicts]


def alerts(provider: Provider) -> Sequence[Alert]:
    with provider.catalog.read() as session:
        return session.scalars(select(Alert)).all()


def count(provider: Provider) -> int:
    with provider.catalog.read() as session:
        return len(session.scalars(select(UnspentKey)).all())


def state(sites: Sites, key_id: str) -> KeyState | None:
    with sites.a.catalog.read() as session:
        return find_key_state(session, "B", key_id)


def test_the_same_key_again_is_confirmed_again_and_changes_nothing(sites: Sites) -> None:
    key = item(sites)

    assert send(sites, key) == [KeyStatus.STORED]
    assert send(sites, key, key) == [KeyStatus.DUPLICATE, KeyStatus.DUPLICATE]
    assert sites.a.delivery.fetch(key.key_id, "B") == key.key
    assert alerts(sites.a) == []


def test_another_key_under_a_known_id_changes_nothing_and_opens_an_alert(sites: Sites) -> None:
    key, other = item(sites), item(sites, fill_byte=8)
    send(sites, key)

    assert send(sites, other, item(sites, "cd" * 16)) == [KeyStatus.CONFLICT, KeyStatus.STORED]

    [alert] = alerts(sites.a)
    assert (alert.cause, alert.source) == ("skip.key_conflict", "B")
    assert sites.a.delivery.fetch(key.key_id, "B") == key.key
    assert send(sites, other) == [KeyStatus.CONFLICT]


def test_a_key_that_was_given_does_not_come_back(sites: Sites) -> None:
    key = item(sites)
    send(sites, key)
    sites.a.delivery.fetch(key.key_id, "B")

    assert send(sites, key) == [KeyStatus.REFUSED]
    with pytest.raises(UnknownKeyError):
        sites.a.delivery.fetch(key.key_id, "B")
    sites.clock.ahead += timedelta(minutes=59)
    expire(sites.a)
    assert send(sites, key) == [KeyStatus.REFUSED]


def test_a_tombstone_outlives_every_message_about_its_key(sites: Sites) -> None:
    key = item(sites)
    send(sites, key)
    sites.a.delivery.fetch(key.key_id, "B")

    sites.clock.ahead += timedelta(minutes=60) + timedelta(seconds=600)
    expire(sites.a)
    assert state(sites, key.key_id) is KeyState.DELIVERED
    sites.clock.ahead += timedelta(seconds=700)
    assert expire(sites.a).forgotten == 1
    assert state(sites, key.key_id) is None
    assert send(sites, key) == [KeyStatus.REFUSED]


def test_keys_of_another_maker_or_of_no_sensible_life_are_refused(sites: Sites) -> None:
    foreign = replace(item(sites), initiator="C")

    assert send(sites, foreign, item(sites, minutes=-1)) == [KeyStatus.REFUSED] * 2
    assert send(sites, item(sites, minutes=60 * 25)) == [KeyStatus.REFUSED]
    assert count(sites.a) == 0


def test_a_peer_with_a_new_incarnation_ends_both_halves_of_the_pair(sites: Sites) -> None:
    fill(sites.a, "B")
    fill(sites.b, "A")
    assert count(sites.a) == count(sites.b) == 40
    void_all(sites.services("B"))

    assert fill(sites.b, "A") == 20

    # B's new keys came with its new incarnation, which ended all that A had of the pair.
    assert set(held(sites.a)) == {KeyState.HELD}
    assert count(sites.a) == count(sites.b) == 20
    given = sites.a.delivery.take("B")
    assert sites.b.delivery.fetch(given.key_id, "A") == given.key


def test_the_first_key_after_the_peer_began_anew_is_one_it_can_serve(sites: Sites) -> None:
    fill(sites.b, "A")
    void_all(sites.services("B"))

    given = sites.a.delivery.take("B")

    assert sites.b.delivery.fetch(given.key_id, "A") == given.key


def test_processes_that_find_a_new_database_at_once_begin_one_incarnation(sites: Sites) -> None:
    with ThreadPoolExecutor(8) as threads:
        boots = set(threads.map(lambda _: sites.a.store.boot(), range(8)))

    assert len(boots) == 1
    assert 0 <= boots.pop() < 1 << 63


def held(provider: Provider) -> list[KeyState]:
    with provider.catalog.read() as session:
        return [row.state for row in session.scalars(select(UnspentKey))]


def test_a_late_message_of_an_earlier_incarnation_says_nothing(sites: Sites) -> None:
    old = sites.line.sign("B", boot=11)
    sites.a.store.heard(old, Heartbeat(), sites.clock.now())
    sites.clock.ahead += timedelta(seconds=1)
    assert sites.a.store.heard(sites.line.sign("B", boot=22), None, sites.clock.now()) is Hearing.REBORN
    send(sites, item(sites), boot=22)

    assert sites.a.store.heard(replace(old, seq=5), Heartbeat(), sites.clock.now()) is Hearing.STALE
    late = sites.a.store.accept(old, [item(sites, "cd" * 16)], sites.clock.now())
    assert [verdict.status for verdict in late] == [KeyStatus.REFUSED]
    with pytest.raises(MessageRefusedError, match="stale"):
        sites.a.store.void(old, None, sites.clock.now())
    assert state(sites, "ab" * 16) is KeyState.HELD


def test_an_incarnation_that_has_ended_does_not_come_back_whatever_time_its_messages_bear(sites: Sites) -> None:
    old, later = sites.line.sign("B", boot=11), timedelta(milliseconds=60)
    sites.a.store.heard(old, None, sites.clock.now())
    new = replace(old, boot=22, sent_at=old.sent_at + later)
    assert sites.a.store.heard(new, None, sites.clock.now()) is Hearing.REBORN
    sites.a.store.accept(new, [item(sites)], sites.clock.now())

    in_flight = replace(old, sent_at=new.sent_at + later)

    assert sites.a.store.heard(in_flight, None, sites.clock.now()) is Hearing.STALE
    assert state(sites, "ab" * 16) is KeyState.HELD


def test_the_last_eight_incarnations_that_ended_are_remembered(sites: Sites) -> None:
    sign = sites.line.sign("B", boot=100)
    signs = [replace(sign, boot=100 + n, sent_at=sign.sent_at + timedelta(seconds=n)) for n in range(10)]
    for each in signs:
        sites.a.store.heard(each, None, sites.clock.now())
    late = [replace(each, sent_at=sign.sent_at + timedelta(seconds=20)) for each in signs]

    heard = [sites.a.store.heard(each, None, sites.clock.now()) for each in reversed(late[:-1])]

    assert heard == [Hearing.STALE] * 8 + [Hearing.REBORN]


def test_a_heartbeat_that_was_overtaken_says_nothing(sites: Sites) -> None:
    first, second = sites.line.sign("B", seq=1), sites.line.sign("B", seq=2)

    assert sites.a.store.heard(second, Heartbeat(pool=5), sites.clock.now()) is Hearing.KNOWN
    assert sites.a.store.heard(first, Heartbeat(pool=9), sites.clock.now()) is Hearing.STALE
    assert sites.a.store.heard(second, Heartbeat(pool=9), sites.clock.now()) is Hearing.STALE


def test_a_peer_voids_its_keys_and_one_that_had_not_come_can_never_come(sites: Sites) -> None:
    send(sites, item(sites), item(sites, "cd" * 16))
    sign = sites.line.sign("B")

    assert sites.a.store.void(sign, ["ab" * 16, "ef" * 16], sites.clock.now()) == 1
    assert send(sites, item(sites, "ef" * 16), item(sites)) == [KeyStatus.REFUSED] * 2
    assert sites.a.store.void(sign, None, sites.clock.now()) == 1
    assert count(sites.a) == 0


def test_a_message_that_voids_all_is_taken_once_and_in_its_turn(sites: Sites) -> None:
    old, new = sites.line.sign("B", seq=4), sites.line.sign("B", seq=6)
    assert sites.a.store.void(new, None, sites.clock.now()) == 0
    send(sites, item(sites))

    # Redis may have forgotten it, and it may bear a time that is yet to come.
    for said in (new, old, replace(old, sent_at=old.sent_at + timedelta(seconds=200))):
        with pytest.raises(MessageRefusedError, match="stale"):
            sites.a.store.void(said, None, sites.clock.now())
    assert state(sites, "ab" * 16) is KeyState.HELD
    assert sites.a.store.void(replace(new, seq=7), None, sites.clock.now()) == 1

    later = replace(new, boot=77, seq=1, sent_at=new.sent_at + timedelta(seconds=1))
    assert sites.a.store.void(later, None, sites.clock.now()) == 0


def test_voiding_does_not_touch_our_own_keys(sites: Sites) -> None:
    fill(sites.a, "B")
    send(sites, item(sites))

    assert sites.a.store.void(sites.line.sign("B"), None, sites.clock.now()) == 1
    assert count(sites.a) == 20


def test_a_database_that_is_another_gives_nothing_of_what_is_in_it(sites: Sites) -> None:
    fill(sites.a, "B")
    key = item(sites)
    send(sites, key)
    before = sites.a.store.boot()
    with sites.a.catalog.begin() as session:
        session.execute(update(SkipBoot).values(lineage="the one it was copied from"))

    with pytest.raises(UnknownKeyError):
        sites.a.delivery.fetch(key.key_id, "B")

    assert sites.a.store.boot() != before
    assert count(sites.a) == 0
    with sites.a.catalog.read() as session:
        assert session.scalars(select(SealingKey)).all() == []
    given = sites.a.delivery.take("B")
    assert given.key_id not in {sent.key_id for sent in sites.line.pushed[:20]}
    assert sites.b.delivery.fetch(given.key_id, "A") == given.key


def test_what_keys_are_sealed_with_is_thrown_away_when_nothing_needs_it(sites: Sites) -> None:
    fill(sites.a, "B")
    sites.clock.ahead += timedelta(minutes=61)
    assert expire(sites.a).sealing_keys == 0
    sites.clock.ahead += timedelta(seconds=1300)

    ended = expire(sites.a)

    assert (ended.forgotten, ended.sealing_keys) == (20, 1)
    assert send(sites, item(sites)) == [KeyStatus.STORED]
    assert repr(sites.a.sealers) == "Sealers(1 open)"
    assert fill(sites.a, "B") == 20


def test_epochs_are_kept_sealed_and_the_oldest_erased(sites: Sites) -> None:
    now = sites.clock.now()
    epochs = [
        Epoch("B", number, bytes([number]) * 32, "p1", now + timedelta(seconds=number), number) for number in range(7)
    ]
    for epoch in epochs:
        sites.a.store.store_epoch(epoch)

    assert sites.a.store.newest_epoch("B") == epochs[-1]
    assert [sites.a.store.find_epoch("B", number) for number in range(7)] == [None, None, *epochs[2:]]


def test_a_new_secret_is_sent_with_once_the_peer_has_used_it_and_the_old_one_erased_later(sites: Sites) -> None:
    psks, now = sites.a.psks, sites.clock.now()
    assert psks.install("B", "p2", b"2" * 32) is PskState.NEXT
    with pytest.raises(PskExistsError):
        psks.install("B", "p3", b"3" * 32)
    assert [psk.psk_id for psk in sites.a.store.psks("B")] == ["p1", "p2"]

    sites.a.store.heard(replace(sites.line.sign("B", "p2"), seq=1), Heartbeat(), now)

    states = [(psk.psk_id, psk.state, psk.secret) for psk in sites.a.store.psks("B")]
    assert states == [("p2", PskState.CURRENT, b"2" * 32), ("p1", PskState.RETIRING, bytes(32))]
    sites.clock.ahead += timedelta(seconds=600)
    expire(sites.a)
    assert len(sites.a.store.psks("B")) == 2
    sites.clock.ahead += timedelta(seconds=301)
    assert expire(sites.a).psks == 1
    assert [psk.psk_id for psk in sites.a.store.psks("B")] == ["p2"]


def test_a_secret_that_was_erased_does_not_come_back_with_the_folder_of_its_site(sites: Sites, tmp_path: Path) -> None:
    sites.a.psks.install("B", "p2", b"2" * 32)
    sites.a.store.store_epoch(Epoch("B", 1, bytes(32), "p1", sites.clock.now(), 1))
    sites.a.store.heard(sites.line.sign("B", "p2"), None, sites.clock.now())
    sites.clock.ahead += timedelta(seconds=901)
    assert expire(sites.a).psks == 1
    assert expire(sites.a).psks == 0
    (tmp_path / "psks").mkdir()
    write_psk(tmp_path / "psks" / "other.json", CarriedPsk("p1", frozenset({"A", "B"}), bytes(32)))

    install_secrets(sites.a.psks, sites.a.settings, tmp_path)

    in_force = [(psk.psk_id, psk.state) for psk in sites.a.store.psks("B")]
    assert in_force == [("p2", PskState.CURRENT)]
    assert sites.a.store.find_epoch("B", 1) is None
    with sites.a.catalog.read() as session:
        erased = session.get_one(SkipPsk, ("B", "p1"))
    assert (erased.state, erased.wrapped, erased.sealed) == ("erased", None, None)


def test_a_message_that_was_proven_before_its_secret_was_revoked_says_nothing(sites: Sites) -> None:
    sign, key = sites.line.sign("B"), item(sites)
    sites.a.psks.revoke("B")

    verdicts = sites.a.store.accept(sign, [key], sites.clock.now())

    assert [verdict.status for verdict in verdicts] == [KeyStatus.REFUSED]
    assert sites.a.store.heard(sign, None, sites.clock.now()) is Hearing.STALE
    assert count(sites.a) == 0
    assert state(sites, key.key_id) is None


def test_an_ack_under_a_secret_that_was_revoked_confirms_nothing(sites: Sites) -> None:
    sites.a.psks.revoke("B")
    late = sites.line.sign("B")
    sites.a.psks.install("B", "p2", b"2" * 32)
    sending = sites.a.pool.make_more("B", low=1, high=3, most=3)
    verdicts = [KeyVerdict(sent.key_id, KeyStatus.STORED) for sent in sending]

    assert len(sending) == 3
    assert sites.a.pool.settle(Answer(verdicts, late)) == 0
    assert sites.a.pool.settle(Answer(verdicts, replace(late, psk_id="p2"))) == 3


def test_a_shared_secret_follows_its_kek_to_a_new_version(sites: Sites, tmp_path: Path) -> None:
    newest = KeyFile(tmp_path / "A" / "strongroom.keys").rotate("home")

    expire(sites.a)

    with sites.a.catalog.read() as session:
        assert session.scalars(select(SkipPsk.version)).all() == [newest]
    assert sites.a.psks.rewrap() == 0
    again = Psks(
        sites.a.catalog,
        {"home": LocalKekProvider(KeyFile(tmp_path / "A" / "strongroom.keys"), "home")},
        sites.clock,
        os.urandom,
    )
    assert again.of("B")[0].secret == bytes(32)


def test_keys_follow_their_kek_to_a_new_version_and_open_under_that_alone(sites: Sites, tmp_path: Path) -> None:
    fill(sites.a, "B")
    newest = KeyFile(tmp_path / "A" / "strongroom.keys").rotate("home")

    expire(sites.a)

    with sites.a.catalog.read() as session:
        rows = session.scalars(select(SealingKey)).all()
    assert {row.version for row in rows} == {newest}
    assert sites.a.sealers.rewrap() == 0
    kek = LocalKekProvider(KeyFile(tmp_path / "A" / "strongroom.keys"), "home")
    opened = Sealers(sites.a.catalog, {"home": kek}, sites.clock, os.urandom)
    assert [opened.get(row.id).id for row in rows] == [row.id for row in rows]


def test_revoking_drops_every_secret_and_key_of_the_pair_at_once(sites: Sites) -> None:
    fill(sites.a, "B")
    send(sites, item(sites))

    assert sites.a.psks.revoke("B") == 21

    assert list(sites.a.store.psks("B")) == []
    assert count(sites.a) == 0
    with pytest.raises(PskExistsError):
        sites.a.psks.install("B", "p1", bytes(32))
    assert sites.a.psks.install("B", "p2", bytes(32)) is PskState.CURRENT


def test_numbers_of_messages_only_grow_and_capabilities_are_remembered(sites: Sites) -> None:
    assert [sites.a.store.next_seq("B") for _ in range(3)] == [1, 2, 3]
    told = CapabilityExchange("B", ("A", "C*"), "CSPRNG", (Profile.V1, Profile.V2))

    sites.a.store.capabilities(sites.line.sign("B"), told, sites.clock.now())

    assert sites.a.store.told("B") == told
    assert sites.a.store.told("C") is None
