"""What an observation of a primary and its standby means: a verdict, and what to do."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from strongroom.settings import StandbySettings
from strongroom.standby.views import Observation, PrimaryView, SlotView, StandbyView


class Verdict(StrEnum):
    """How a standby is."""

    FOLLOWING = "following"
    BEHIND = "behind"
    AT_RISK = "at-risk"
    LOST = "lost"
    UNKNOWN = "unknown"


class Cause(StrEnum):
    """What is wrong; the value is the cause of the alert."""

    LOST = "standby.lost"
    LAG = "standby.lag"
    SLOT = "standby.slot"
    PRIMARY = "standby.primary"
    DENIED = "standby.denied"


_VERDICTS = {Cause.LOST: Verdict.LOST, Cause.LAG: Verdict.BEHIND, Cause.PRIMARY: Verdict.UNKNOWN}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong, in words, and what to do about it."""

    cause: Cause
    what: str
    next_step: str


def judge(pair: StandbySettings, seen: Observation, lag: float | None) -> list[Finding]:
    """Return everything that is wrong, the worst first; `lag` is in seconds."""
    findings = [*_of_standby(pair, seen), *_of_primary(pair, seen), *_of_slot(pair, seen), *_of_lag(pair, seen, lag)]
    order = list(Cause)
    if seen.primary is None and seen.standby is not None and seen.standby.in_recovery:
        # That nothing comes from a primary that is down is not the standby's fault.
        order.sort(key=lambda cause: cause is not Cause.PRIMARY)
    return sorted([*findings, *_of_rights(pair, seen)], key=lambda finding: order.index(finding.cause))


def verdict_of(findings: list[Finding]) -> Verdict:
    """Say in a word what the findings, the worst first, come to."""
    return _VERDICTS.get(findings[0].cause, Verdict.AT_RISK) if findings else Verdict.FOLLOWING


def judged(seen: Observation) -> set[Cause]:
    """Return the causes that the observation says something about; of the others nothing is known now.

    Whether the standby belongs to the primary, and how the slot is, only a primary that answers can tell.
    """
    if seen.primary is None:
        return {Cause.PRIMARY}
    if seen.primary.position is None:
        return {Cause.PRIMARY, Cause.LOST}
    if seen.standby is None or seen.lag_bytes is None:
        return {Cause.PRIMARY, Cause.LOST, Cause.SLOT}
    return set(Cause)


def _of_standby(pair: StandbySettings, seen: Observation) -> Iterator[Finding]:
    place = pair.standby.place
    if seen.standby is None:
        yield _lost(f"The standby {place} does not answer: {seen.standby_fault}.", "Check that it runs, and `standby`.")
    elif not seen.standby.in_recovery:
        yield _lost(
            f"The server {place} follows nobody: it was promoted and is a primary now.",
            "After a failover, name the new primary and its standby in the settings; else make the standby anew.",
        )
    elif seen.primary is not None:
        yield from _of_following(pair, seen.primary, seen.standby)
    elif not seen.standby.streaming:
        yield _lost(f"The standby {place} answers and receives nothing.", "Mend the primary, or fail over to it.")


def _of_following(pair: StandbySettings, primary: PrimaryView, standby: StandbyView) -> Iterator[Finding]:
    place = pair.standby.place
    if standby.system != primary.system:
        yield _lost(
            f"The standby {place} belongs to another database system ({standby.system}, not {primary.system}).",
            "Name the right server, or make the standby anew with pg_basebackup.",
        )
    elif primary.timeline is not None and _has_parted(primary, standby):
        yield _lost(
            f"The standby {place} is on timeline {standby.timeline}, its primary on {primary.timeline}.",
            "Bring it back with pg_rewind, or make it anew with pg_basebackup.",
        )
    elif not standby.streaming and standby.sees_all:
        yield _lost(
            f"The standby {place} receives nothing from its primary.",
            "See in its log why: the primary's address, pg_hba.conf, or WAL that is no longer there.",
        )


def _has_parted(primary: PrimaryView, standby: StandbyView) -> bool:
    """Say whether the two have gone different ways.

    A standby that receives is on its primary's timeline; one that does not may
    know that of its last restart point only.
    """
    timeline = primary.timeline or 0
    if standby.timeline > timeline or (standby.streaming and standby.timeline != timeline):
        return True
    return standby.received is not None and primary.position is not None and standby.received > primary.position


def _of_primary(pair: StandbySettings, seen: Observation) -> Iterator[Finding]:
    place = pair.primary.place
    if seen.primary is None:
        what = f"The primary {place} does not answer: {seen.primary_fault}."
        yield Finding(Cause.PRIMARY, what, "Check that it runs, and `primary`; fail over if it is gone.")
    elif seen.primary.position is None:
        what = f"The server {place} is no primary: it follows another one."
        yield Finding(Cause.PRIMARY, what, "After a failover, name the new primary in the settings.")


def _of_slot(pair: StandbySettings, seen: Observation) -> Iterator[Finding]:
    primary = seen.primary
    if primary is None or primary.position is None:
        return
    if primary.slot is None:
        if pair.slot is not None:
            yield Finding(
                Cause.SLOT,
                f"The primary {pair.primary.place} has no replication slot {pair.slot!r}.",
                "Create it with pg_create_physical_replication_slot, and see primary_slot_name of the standby.",
            )
        return
    yield from _of_slot_view(pair, primary.slot)


def _of_slot_view(pair: StandbySettings, slot: SlotView) -> Iterator[Finding]:
    if slot.wal_status == "lost":
        what = f"The replication slot {slot.name!r} is lost: the primary has removed WAL that the standby still needs."
        yield Finding(Cause.SLOT, what, "Make the standby anew with pg_basebackup, and raise max_slot_wal_keep_size.")
    elif slot.wal_status == "unreserved":
        what = f"The replication slot {slot.name!r} is about to be lost: it holds back more than the primary may keep."
        yield Finding(Cause.SLOT, what, "Mend the standby at once, or raise max_slot_wal_keep_size.")
    elif slot.held_back is not None and slot.held_back > pair.slot_mib << 20:
        what = (
            f"The replication slot {slot.name!r} holds back {slot.held_back >> 20:,} MiB of WAL on the primary's disk."
        )
        yield Finding(
            Cause.SLOT, what, f"Mend the standby, or drop the slot before the disk is full ({pair.slot_mib})."
        )
    elif not slot.active:
        what = f"Nobody uses the replication slot {slot.name!r}: WAL gathers on the primary's disk."
        yield Finding(Cause.SLOT, what, "Mend the standby, or drop the slot.")


def _of_lag(pair: StandbySettings, seen: Observation, lag: float | None) -> Iterator[Finding]:
    if lag is None or lag <= pair.lag_seconds or seen.standby is None:
        return
    what = (
        f"The standby {pair.standby.place} is {lag:,.0f} s ({seen.lag_bytes or 0:,} bytes) behind its primary; "
        f"its target is {pair.lag_seconds} s."
    )
    resume = "Replay is paused there: call pg_wal_replay_resume()."
    look = "Look for a slow network or disk, or a long query on the standby that replay waits for."
    yield Finding(Cause.LAG, what, resume if seen.standby.paused else look)


def _of_rights(pair: StandbySettings, seen: Observation) -> Iterator[Finding]:
    for server, view in ((pair.primary, seen.primary), (pair.standby, seen.standby)):
        if view is not None and not view.sees_all:
            what = f"The role {server.user!r} may not see how replication goes on {server.place}."
            yield Finding(Cause.DENIED, what, f"As a superuser of the primary: GRANT pg_monitor TO {server.user}.")


def _lost(what: str, next_step: str) -> Finding:
    return Finding(Cause.LOST, what, next_step)
