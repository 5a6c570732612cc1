"""What retention refuses to do."""

from strongroom.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError


class BackupPinnedError(ConflictError):
    """Something still builds upon the backup, or copies what it shares with another."""

    code = "retention.backup_pinned"


class RetirementNotConfirmedError(NotAllowedError):
    """Retiring a backup needs the name of its source as confirmation."""

    code = "retention.not_confirmed"


class BackupHeldError(NotAllowedError):
    """Somebody holds the backup, so it is not deleted whatever its policy says."""

    code = "retention.backup_held"


class LastProvenError(NotAllowedError):
    """It is the last backup of its source that a drill has restored."""

    code = "retention.last_proven"


class UnknownPolicyError(NotFoundError):
    """A backup follows a policy that the settings do not have."""

    code = "retention.unknown_policy"


class HoldNotFoundError(NotFoundError):
    """There is no such hold, or it was released before."""

    code = "retention.hold_not_found"


class HoldReasonError(InvalidInputError):
    """A hold is placed and released for a reason, which is missing."""

    code = "retention.hold_reason"


class HoldReleaseNotConfirmedError(NotAllowedError):
    """Releasing a hold needs the name of its source as confirmation."""

    code = "retention.release_not_confirmed"


class NothingToApproveError(ConflictError):
    """The policy of the source is not shorter than the one that was agreed upon."""

    code = "retention.nothing_to_approve"
