"""Collecting a region's garbage: `plan_collection` decides what nobody needs, `apply_collection` deletes it.

What is garbage once stays garbage: an aborted or retired backup never comes back, and new backups build upon live ones
only. So a plan may grow old; what it names is still compared with a new survey before the first deletion. The one way
in which garbage can be wanted again is a copy into this region, so copies and collections of a region take turns.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from strongroom.errors import NotAllowedError
from strongroom.keyring.provider import KekProvider
from strongroom.repository.access import Repository
from strongroom.repository.layout import CHECKPOINTS, KEYS, MANIFESTS, PACKS, commit_key, session_key
from strongroom.repository.objects import delete_unless_locked
from strongroom.repository.survey import Survey, survey_region
from strongroom.storage.store import Store


class ShareTooLargeError(NotAllowedError):
    """The plan deletes a larger share of the region's packs than was approved."""

    code = "repository.collection_share"


class Why(StrEnum):
    """Why an object is garbage; in the order in which objects are deleted."""

    SLOT = "key slot of an attempt that was not committed, or of a retired backup"
    CHECKPOINT = "checkpoint of an attempt that has ended"
    MANIFEST = "manifest of an attempt that was not committed, or of a retired backup"
    COMMIT = "commit record of a retired backup"
    PACK = "pack that no live backup refers to, of a session that has ended"
    MARKER = "marker of a session that has ended and has no packs"


@dataclass(frozen=True, slots=True)
class Garbage:
    """One object that nobody needs."""

    key: str
    size: int
    why: Why


@dataclass(frozen=True, slots=True)
class Retained:
    """Garbage that a lock keeps, and until when; a later collection deletes it."""

    garbage: Garbage
    until: datetime


@dataclass(frozen=True, slots=True)
class CollectionPlan:
    """What would be deleted, in order, and what stays; `packs` and `pack_bytes` count all that the region holds."""

    region: str
    garbage: tuple[Garbage, ...]
    packs: int
    pack_bytes: int
    live_backups: int
    open_sessions: int
    retained: tuple[Retained, ...] = ()
    """What is garbage and could not be deleted, because the region keeps it under a lock."""

    @property
    def garbage_bytes(self) -> int:
        """Return how many bytes would be freed."""
        return sum(found.size for found in self.garbage)

    @property
    def share(self) -> float:
        """Return the part of the bytes in packs that would be deleted, 0 to 1."""
        doomed = sum(found.size for found in self.garbage if found.why is Why.PACK)
        return doomed / self.pack_bytes if self.pack_bytes else 0.0


def plan_collection(
    repository: Repository, store: Store, kek: KekProvider, *, on_progress: Callable[[], None]
) -> CollectionPlan:
    """Say what of a region nobody needs; writes nothing.

    Raises CollectionBlockedError where something cannot be read, because what it needs is not known then.
    """
    return plan_from(survey_region(repository, store, kek, on_progress=on_progress))


def plan_from(survey: Survey) -> CollectionPlan:
    """Decide from a survey what is garbage."""
    packs = [info for info in survey.stored if info.key.startswith(PACKS)]
    return CollectionPlan(
        region=survey.store.region,
        garbage=tuple(_garbage(survey)),
        packs=len(packs),
        pack_bytes=sum(info.size for info in packs),
        live_backups=len(survey.live),
        open_sessions=len(survey.open),
    )


def verify_share(plan: CollectionPlan, largest: float) -> None:
    """Refuse a plan that deletes a larger share than `largest` (0 to 1); raises ShareTooLargeError."""
    if plan.share > largest:
        enough = min(100, int(plan.share * 100) + 1)
        raise ShareTooLargeError(
            f"{plan.share:.0%} of the packs in region {plan.region!r} would be deleted, {largest:.0%} is approved.",
            next_step="Look at the plan. "
            f"If it is right: strongroom collect --region {plan.region} --apply --max-share {enough}%",
        )


def apply_collection(
    repository: Repository,
    store: Store,
    kek: KekProvider,
    plan: CollectionPlan,
    *,
    on_progress: Callable[[], None],
) -> CollectionPlan:
    """Delete what the plan names and a new survey still finds to be garbage; return what was deleted.

    Dependants go first, so a collector that dies leaves nothing that points to what is gone, and the next one goes on.
    `on_progress` is called before every deletion and may raise.
    """
    doomed = {found.key for found in plan.garbage}
    current = plan_collection(repository, store, kek, on_progress=on_progress)
    deleted, retained = [], []
    for found in current.garbage:
        if found.key not in doomed:
            continue
        on_progress()
        until = delete_unless_locked(store, found.key)
        if until is None:
            deleted.append(found)
        else:
            retained.append(Retained(found, until))
    return replace(current, garbage=tuple(deleted), retained=tuple(retained))


def _garbage(survey: Survey) -> Iterator[Garbage]:
    open_sessions = {session.hex for session in survey.open}
    kept = open_sessions | {record.session_id.hex for record in survey.live.values()}
    needed = {(session.hex, sha256.hex()) for session, sha256 in survey.needed}
    yield from _of_ended_sessions(survey, KEYS, kept, Why.SLOT)
    yield from _of_ended_sessions(survey, CHECKPOINTS, open_sessions, Why.CHECKPOINT)
    yield from _of_ended_sessions(survey, MANIFESTS, kept, Why.MANIFEST)
    yield from _retired_commits(survey)
    # Not only those whose packs were listed: a session may have begun after that.
    kept |= {session.hex for session, _ in survey.needed}
    for info in survey.stored:
        session, name = _owner(info.key)
        if not info.key.startswith(PACKS):
            continue
        if session not in open_sessions and (session, name) not in needed:
            yield Garbage(info.key, info.size, Why.PACK)
    yield from (Garbage(session_key(session), 0, Why.MARKER) for session in survey.markers if session.hex not in kept)


def _of_ended_sessions(survey: Survey, prefix: str, kept: set[str], why: Why) -> Iterator[Garbage]:
    for info in survey.stored:
        if info.key.startswith(prefix) and _owner(info.key)[0] not in kept:
            yield Garbage(info.key, info.size, why)


def _retired_commits(survey: Survey) -> Iterator[Garbage]:
    for record in survey.retired:
        yield Garbage(commit_key(record.source, record.backup_id), 0, Why.COMMIT)


def _owner(key: str) -> tuple[str, str]:
    """Return the session in an object's name, and for a pack its SHA-256."""
    folder, _, name = key.rpartition("/")
    if key.startswith(PACKS):
        return folder.rpartition("/")[2], name.removesuffix(".pk")
    if key.startswith(CHECKPOINTS):
        return folder.rpartition("/")[2], ""
    if key.startswith(MANIFESTS):
        return name.removesuffix(".mf").rpartition(".")[2], ""
    return name.partition(".")[0], ""
