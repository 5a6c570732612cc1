"""How old what a standby shows is, from where the primary was at earlier looks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from strongroom.standby.views import Observation, Position

MOST_SAMPLES = 60


@dataclass(frozen=True, slots=True)
class Sample:
    """Where the primary was, and when."""

    position: Position
    at: datetime


def lag_seconds(samples: Sequence[Sample], seen: Observation) -> float | None:
    """Return the seconds that the standby is behind at most, as far as can be told; None where nothing tells.

    Bytes alone do not say how old the standby is, and the age of its last transaction says how quiet the primary was.
    The last earlier sample that it has reached bounds its age; so does the last transaction that it replayed,
    by the primary's own clock. A standby that has not reached even the oldest sample is at least as old as that.
    """
    if seen.primary is None or seen.standby is None or seen.lag_bytes is None:
        return None
    if seen.lag_bytes == 0:
        return seen.caught_up_seconds or 0.0
    replayed = seen.standby.replayed or 0
    reached = [sample.at for sample in samples if sample.position <= replayed]
    bounds = [(seen.at - max(reached)).total_seconds()] if reached else []
    if seen.standby.replayed_at is not None:
        bounds.append((seen.primary.at - seen.standby.replayed_at).total_seconds())
    if bounds:
        return max(0.0, min(bounds))
    return (seen.at - samples[0].at).total_seconds() if samples else None


def with_sample(samples: Sequence[Sample], seen: Observation) -> list[Sample]:
    """Return the samples that the next look needs: the last that the standby has reached, and those after it.

    Where there are too many, every other one in the middle goes: the oldest says how long the standby has been behind.
    """
    if seen.primary is None or seen.primary.position is None:
        return list(samples)
    kept = [sample for sample in samples if sample.position <= seen.primary.position]
    if seen.standby is not None and seen.standby.replayed is not None:
        replayed = seen.standby.replayed
        reached = [sample for sample in kept if sample.position <= replayed]
        kept = [*reached[-1:], *(sample for sample in kept if sample.position > replayed)]
    kept.append(Sample(seen.primary.position, seen.at))
    return kept if len(kept) <= MOST_SAMPLES else [kept[0], *kept[1:-1:2], kept[-1]]
