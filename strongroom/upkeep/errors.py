"""What upkeep refuses to do."""

from strongroom.errors import ConflictError, IntegrityError, NotFoundError


class OutcomesConflictError(IntegrityError):
    """Two regions hold different commit records of one backup, so one of them was not written by this installation."""

    code = "upkeep.outcomes_conflict"


class NothingToRepairFromError(IntegrityError):
    """No region that answers holds enough of the backup to say what it consists of."""

    code = "upkeep.nothing_to_repair_from"


class RecoveryKeyExistsError(ConflictError):
    """A recovery key is in use already."""

    code = "upkeep.recovery_key_exists"


class NoRecoveryKeyError(NotFoundError):
    """No recovery key was made yet."""

    code = "upkeep.no_recovery_key"
