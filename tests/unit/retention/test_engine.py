"""The policy engine: reasons are complete, a longer policy keeps more, and the last proven backup never goes."""

import random
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.retention.candidates import OF_POLICY, Block, Candidate, Decision, Reason
from strongroom.retention.engine import Rules, keep, plan_source
from strongroom.retention.terms import Terms

NOW = datetime(2026, 3, 30, 12, tzinfo=UTC)
SMALL = st.integers(0, 5)
TERMS = st.builds(Terms, st.integers(0, 40), SMALL, SMALL, SMALL, SMALL, SMALL, SMALL, SMALL)
HOURS = st.integers(-30, 24 * 900)


@st.composite
def candidates(draw: st.DrawFn) -> list[Candidate]:
    ages = draw(st.lists(HOURS, max_size=25))
    return [
        Candidate(
            uuid.UUID(int=number),
            NOW - timedelta(hours=age),
            full=draw(st.booleans()),
            restorable=draw(st.booleans()),
            proven=draw(st.booleans()),
            held=draw(st.booleans()),
            blocks=draw(st.sampled_from([(), (Block.PINNED,), (Block.COPYING,)])),
            doubted=draw(st.booleans()),
        )
        for number, age in enumerate(ages)
    ]


def newest_first(backups: list[Candidate]) -> list[Candidate]:
    return sorted(backups, key=lambda one: (one.created_at, one.id), reverse=True)


def backup(days: float, **facts: bool) -> Candidate:
    facts = {"full": True, "restorable": True} | facts
    return Candidate(uuid.UUID(int=int(days * 1000)), NOW - timedelta(days=days), **facts)


def plan(
    backups: list[Candidate], terms: Terms | None, agreed: Terms | None = None, share: float = 1
) -> list[Decision]:
    return plan_source(backups, Rules(terms, agreed, share), NOW)


def gone(decisions: list[Decision]) -> set[uuid.UUID]:
    return {one.candidate.id for one in decisions if one.goes}


@given(candidates(), TERMS, st.none() | TERMS, st.floats(0, 1))
def test_the_last_proven_the_newest_and_what_is_held_or_pinned_never_go(
    backups: list[Candidate], terms: Terms, agreed: Terms | None, share: float
) -> None:
    going = gone(plan(backups, terms, agreed, share))
    ordered = newest_first(backups)
    assert next((one.id for one in ordered if one.proven), None) not in going
    assert next((one.id for one in ordered if one.proven or one.doubted), None) not in going
    assert next((one.id for one in ordered if one.restorable), None) not in going
    assert not going & {one.id for one in backups if one.held or one.blocks}


@given(candidates(), TERMS, TERMS)
def test_a_longer_policy_keeps_whatever_a_shorter_one_keeps(backups: list[Candidate], one: Terms, other: Terms) -> None:
    ordered = newest_first(backups)
    pairs = zip(keep(ordered, one, NOW), keep(ordered, one.both(other), NOW), strict=True)
    assert all(set(longer.reasons) >= set(shorter.reasons) for shorter, longer in pairs)


@given(candidates(), TERMS, st.none() | TERMS, st.floats(0, 1))
def test_every_backup_has_one_decision_and_stays_for_a_stated_reason_only(
    backups: list[Candidate], terms: Terms, agreed: Terms | None, share: float
) -> None:
    decisions = plan(backups, terms, agreed, share)
    assert [one.candidate for one in decisions] == newest_first(backups)
    for one in decisions:
        assert one.goes == (not one.reasons and not one.blocks)
        assert not (one.reasons and one.blocks)


@given(candidates(), TERMS)
def test_the_reasons_of_a_policy_are_those_that_a_naive_reading_gives(backups: list[Candidate], terms: Terms) -> None:
    ordered = newest_first(backups)
    found = {one.candidate.id: OF_POLICY.intersection(one.reasons) for one in keep(ordered, terms, NOW)}
    expected: dict[uuid.UUID, set[Reason]] = {one.id: set() for one in backups}
    for one in backups:
        if terms.retention_days and NOW - one.created_at < timedelta(days=terms.retention_days):
            expected[one.id].add(Reason.DAYS)
    good = [one for one in ordered if one.restorable]
    for one in [one for one in good if one.full][: terms.min_fulls]:
        expected[one.id].add(Reason.FULLS)
    for reason, count, form in (
        (Reason.LAST, terms.keep_last, None),
        (Reason.HOURLY, terms.keep_hourly, "%Y-%m-%d %H"),
        (Reason.DAILY, terms.keep_daily, "%Y-%m-%d"),
        (Reason.WEEKLY, terms.keep_weekly, "%G-%V"),
        (Reason.MONTHLY, terms.keep_monthly, "%Y-%m"),
        (Reason.YEARLY, terms.keep_yearly, "%Y"),
    ):
        newest: dict[str, uuid.UUID] = {}
        for one in good:
            newest.setdefault(str(one.id) if form is None else one.created_at.strftime(form), one.id)
        for kept in list(newest.values())[:count]:
            expected[kept].add(reason)
    assert found == expected


@given(candidates(), TERMS, TERMS)
def test_a_shorter_policy_deletes_nothing_that_the_one_agreed_upon_keeps(
    backups: list[Candidate], terms: Terms, agreed: Terms
) -> None:
    kept = {one.candidate.id for one in keep(newest_first(backups), agreed, NOW) if one.reasons}
    assert not gone(plan(backups, terms, agreed)) & kept


@given(candidates(), TERMS, st.floats(0, 1))
def test_no_run_deletes_more_than_its_share_nor_everything(
    backups: list[Candidate], terms: Terms, share: float
) -> None:
    going = gone(plan(backups, terms, None, share))
    assert len(going) <= max(1, int(len(backups) * share))
    assert not backups or len(going) < len(backups)


@given(candidates())
def test_an_unknown_policy_deletes_nothing(backups: list[Candidate]) -> None:
    decisions = plan(backups, None)
    assert not gone(decisions)
    assert all(one.reasons or Block.UNKNOWN_POLICY in one.blocks for one in decisions)


@settings(max_examples=20)
@given(candidates(), TERMS, st.randoms())
def test_the_order_of_the_backups_does_not_matter(
    backups: list[Candidate], terms: Terms, chance: random.Random
) -> None:
    shuffled = list(backups)
    chance.shuffle(shuffled)
    assert plan(shuffled, terms) == plan(backups, terms)


def test_what_is_in_the_way_is_said_and_the_rest_goes() -> None:
    backups = [backup(1), backup(40), replace(backup(41), blocks=(Block.PINNED,))]
    decisions = plan(backups, Terms(30))
    assert [one.reasons for one in decisions] == [(Reason.DAYS, Reason.NEWEST), (), ()]
    assert [one.blocks for one in decisions] == [(), (), (Block.PINNED,)]
    assert gone(decisions) == {backups[1].id}


def test_a_source_whose_backups_have_all_expired_is_left_alone() -> None:
    decisions = plan([backup(40), backup(50)], Terms(30))
    assert [one.reasons for one in decisions] == [(Reason.NEWEST,), ()]
    assert decisions[1].blocks == (Block.EVERYTHING,)
    assert gone(plan([backup(40), backup(50)], Terms(30, min_fulls=1))) == {backup(50).id}


def test_a_damaged_backup_takes_no_place_of_a_good_one() -> None:
    backups = [backup(1, restorable=False), backup(1.1), backup(2)]
    decisions = plan(backups, Terms(0, keep_daily=1, min_fulls=1))
    assert decisions[1].reasons == (Reason.DAILY, Reason.FULLS, Reason.NEWEST)


@pytest.mark.parametrize("count", [1, 4])
def test_a_single_backup_may_always_go(count: int) -> None:
    kept = [backup(1 + number) for number in range(count)]
    assert len(gone(plan([*kept, backup(40)], Terms(30), share=0.0))) == 1
    assert plan([*kept, backup(40), backup(41)], Terms(30), share=0.0)[-1].blocks == (Block.SHARE,)


def test_the_day_a_backup_expires_is_exact() -> None:
    make: Callable[[float], Candidate] = backup
    assert Reason.DAYS in keep([make(29.999)], Terms(30), NOW)[0].reasons
    assert Reason.DAYS not in keep([make(30)], Terms(30), NOW)[0].reasons


def test_terms_say_in_what_they_are_shorter() -> None:
    agreed = Terms(90, keep_daily=7)
    assert Terms(90, keep_daily=7).shorter_in(agreed) == ()
    assert Terms(365, keep_daily=3).shorter_in(agreed) == ("keep_daily",)
    assert Terms.parse(agreed.as_json()) == agreed
    assert Terms.parse({"retention_days": 90}) == Terms(90)
