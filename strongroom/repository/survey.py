"""What a region holds and who needs it, read in the one order in which a reader cannot miss a need.

Packs first, then sessions, then manifests. A pack that is seen was stored before the sessions are read; so either its
session is still open then, or the backup it went into has a commit record by then and its manifest is read after that.
Any other order misses a backup that is committed between two readings. No clock and no lock takes part.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from strongroom.errors import CannotDecryptError, IntegrityError, StrongroomError
from strongroom.keyring.provider import KekProvider
from strongroom.repository.access import Repository
from strongroom.repository.commit import CommitRecord, Outcome, find_commit, list_commits
from strongroom.repository.errors import CollectionBlockedError, MissingObjectError, TamperedError, UnknownVersionError
from strongroom.repository.layout import CHECKPOINTS, KEYS, MANIFESTS, PACKS, ROOT_SLOTS, SESSIONS, session_key
from strongroom.repository.opening import open_committed
from strongroom.repository.retiring import is_retired, list_tombstones
from strongroom.repository.session import SessionMarker, get_session
from strongroom.storage.store import ObjectInfo, Store

AnswerT = TypeVar("AnswerT")
PackName = tuple[UUID, bytes]
"""The session that wrote a pack, and its SHA-256."""


@dataclass(slots=True)
class Survey:
    """The three readings of one region; call them in the order they stand, once each.

    Every reading raises CollectionBlockedError for what it cannot read, and the store's errors.
    """

    repository: Repository
    store: Store
    kek: KekProvider
    on_progress: Callable[[], None]
    stored: list[ObjectInfo] = field(default_factory=list)
    """Packs, checkpoints, manifests and key slots."""
    markers: dict[UUID, SessionMarker] = field(default_factory=dict)
    open: dict[UUID, SessionMarker] = field(default_factory=dict)
    """The sessions that may still commit."""
    settled: set[UUID] = field(default_factory=set)
    """The backups that had a commit record or a tombstone when the sessions were read."""
    live: dict[UUID, CommitRecord] = field(default_factory=dict)
    """The backups that count, by id: committed and not retired, or named as parent by an open session."""
    retired: list[CommitRecord] = field(default_factory=list)
    """The commit records of backups that have a tombstone and that no open session names."""
    needed: set[PackName] = field(default_factory=set)
    """The packs that the live backups refer to."""

    def read_objects(self) -> None:
        """List packs, checkpoints, manifests and key slots: everything that may be found to be garbage."""
        for prefix in (PACKS, CHECKPOINTS, MANIFESTS, KEYS):
            self.stored.extend(info for info in self.store.list(prefix) if not info.key.startswith(ROOT_SLOTS))

    def read_sessions(self) -> None:
        """Read every session's marker, and find those whose backup has neither a commit record nor a tombstone."""
        self._read_markers()
        self.settled = set(self._commits()) | self._retired()
        self._find_open()

    def read_manifests(self) -> None:
        """Open the manifest of every live backup and note the packs it refers to."""
        while not self._read_all_live():
            # A backup was retired and shredded meanwhile; a child of it may have been committed before that.
            self.on_progress()

    def _read_all_live(self) -> bool:
        """Say whether everything that was live at one moment could be read."""
        retired = self._retired()
        # After the tombstones: whoever stores a marker later than this sees them, and takes another parent.
        self._read_markers()
        self._find_open()
        records = self._commits()
        # A session that has committed since pins nothing: its own manifest says what it needs.
        ended = records.keys() | retired
        over = retired - {marker.parent for marker in self.open.values() if marker.backup not in ended}
        committed = {key: record for key, record in records.items() if record.outcome is Outcome.COMMIT}
        self.live = {key: record for key, record in committed.items() if key not in over}
        self.retired = [record for key, record in committed.items() if key in over]
        return all(self._need(record, retired) for record in self.live.values())

    def _need(self, record: CommitRecord, retired: set[UUID]) -> bool:
        """Note what a backup refers to; says False where it was retired, and its keys destroyed, meanwhile."""
        self.on_progress()
        try:
            head = open_committed(self.repository, self.store, self.kek, record)
        except (IntegrityError, CannotDecryptError, UnknownVersionError) as error:
            if self._has_gone(record, retired):
                return False
            raise _blocked(self.store, f"the manifest of backup {record.backup_id}", error) from error
        self.needed.update((pack.session_id, pack.sha256) for pack in head.packs)
        return True

    def _has_gone(self, record: CommitRecord, retired: set[UUID]) -> bool:
        """Say whether the backup came to its end since the tombstones were read, so that they are to be read again."""
        source, backup_id = record.source, record.backup_id
        if find_commit(self.repository, self.store, source, backup_id) is None:
            return True
        if backup_id not in retired:
            return is_retired(self.store, source, backup_id)
        # It is here because a session names it that had not committed when the commit records were read.
        children = [marker for marker in self.open.values() if marker.parent == backup_id]
        return all(find_commit(self.repository, self.store, one.source, one.backup) is not None for one in children)

    def _read_markers(self) -> None:
        """Read the markers that are new, and those of open sessions again: they may name another parent by now."""
        done = {session_key(session) for session in self.markers.keys() - self.open.keys()}
        for info in self.store.list(SESSIONS):
            marker = None if info.key in done else self._find_marker(info.key)
            if marker is not None:
                self.markers[marker.session] = marker

    def _find_open(self) -> None:
        self.open = {key: marker for key, marker in self.markers.items() if marker.backup not in self.settled}

    def _find_marker(self, key: str) -> SessionMarker | None:
        self.on_progress()
        try:
            return get_session(self.repository, self.store, _session_of(key))
        except MissingObjectError:
            # Another collector has removed it since it was listed.
            return None
        except (IntegrityError, UnknownVersionError, ValueError) as error:
            raise _blocked(self.store, f"the session marker {key}", error) from error

    def _commits(self) -> dict[UUID, CommitRecord]:
        records = self._readable(lambda: list_commits(self.repository, self.store), "a commit record")
        return {record.backup_id: record for record in records}

    def _retired(self) -> set[UUID]:
        tombstones = self._readable(lambda: list_tombstones(self.repository, self.store), "a tombstone")
        return {tombstone.backup_id for tombstone in tombstones}

    def _readable(self, read: Callable[[], Iterator[AnswerT]], what: str) -> list[AnswerT]:
        while True:
            try:
                return list(read())
            except MissingObjectError:
                # Another collector removed one between the listing and the reading.
                self.on_progress()
            except (IntegrityError, UnknownVersionError) as error:
                raise _blocked(self.store, what, error) from error


def survey_region(repository: Repository, store: Store, kek: KekProvider, *, on_progress: Callable[[], None]) -> Survey:
    """Read a region in the order that is safe; `on_progress` is called for every object read, and may raise."""
    survey = Survey(repository, store, kek, on_progress)
    survey.read_objects()
    survey.read_sessions()
    survey.read_manifests()
    return survey


def _session_of(key: str) -> UUID:
    session_id = UUID(key.removeprefix(SESSIONS))
    if key != session_key(session_id):
        raise TamperedError(f"The marker of session {session_id} does not lie where it belongs.", key=key)
    return session_id


def _blocked(store: Store, what: str, error: Exception) -> CollectionBlockedError:
    reason = error.what if isinstance(error, StrongroomError) else "its name is no session id."
    return CollectionBlockedError(
        f"Nothing is deleted in region {store.region!r}, because {what} cannot be read: {reason}",
        next_step=f"Mend it: strongroom repair --all --region {store.region}",
    )
