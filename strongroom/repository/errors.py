"""What can be wrong with a repository or a backup in it; docs/format.md says which check raises which."""

from strongroom.errors import CannotDecryptError, ConflictError, IntegrityError, NotFoundError, StrongroomError

ANOTHER_REGION = "Restore from another region and verify this one; keep the object for the investigation."


class RepositoryNotFoundError(NotFoundError):
    """The region holds no repository."""

    code = "repository.not_found"


class RepositoryConflictError(ConflictError):
    """Two regions hold two different repositories."""

    code = "repository.conflict"


class BackupNotFoundError(NotFoundError):
    """No commit record says that this backup exists."""

    code = "repository.backup_not_found"


class WrongKeyError(CannotDecryptError):
    """None of the key slots opens with the key at hand."""

    code = "repository.wrong_key"


class UnknownVersionError(StrongroomError):
    """The object says it was written in a format version this program does not know."""

    code = "repository.unknown_version"

    def __init__(
        self, what: str, *, next_step: str = "Use a newer Strongroom to read it.", **details: str | int
    ) -> None:
        super().__init__(what, next_step=next_step, **details)


class TamperedError(IntegrityError):
    """Bytes are not what their writer signed or sealed: flipped, swapped, spliced, or from somewhere else."""

    code = "repository.tampered"

    def __init__(self, what: str, *, next_step: str = ANOTHER_REGION, **details: str | int) -> None:
        super().__init__(what, next_step=next_step, **details)


class TruncatedError(IntegrityError):
    """An object or a sequence inside it ends before its end."""

    code = "repository.truncated"

    def __init__(self, what: str, *, next_step: str = ANOTHER_REGION, **details: str | int) -> None:
        super().__init__(what, next_step=next_step, **details)


class MissingObjectError(IntegrityError):
    """A committed backup needs an object that the region does not hold."""

    code = "repository.object_missing"

    def __init__(self, what: str, *, next_step: str = ANOTHER_REGION, **details: str | int) -> None:
        super().__init__(what, next_step=next_step, **details)


class CommitRefusedError(ConflictError):
    """The backup's commit key is taken by an ABORT, or by the commit of another session."""

    code = "repository.commit_refused"


class SessionLostError(CommitRefusedError):
    """The session's marker has gone, so its packs were not pinned all the time."""

    code = "repository.session_lost"


class CollectionBlockedError(IntegrityError):
    """Something in the region cannot be read, so nobody can say what it needs, and nothing is deleted."""

    code = "repository.collection_blocked"
