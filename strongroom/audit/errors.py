"""What goes wrong with the audit log."""

from strongroom.errors import ConflictError, IntegrityError, NotFoundError


class AuditHeadMissingError(IntegrityError):
    """The row that ends the audit log is gone; nothing is changed until it is back."""

    code = "audit.head_missing"


class AuditBrokenError(IntegrityError):
    """The audit log is not what was written; `audit verify` says which row is the first that is wrong."""

    code = "audit.broken"


class KeptHeadForgedError(IntegrityError):
    """A region holds a head of the audit log that this installation did not write."""

    code = "audit.kept_head_forged"


class NothingToAcceptError(NotFoundError):
    """No region has kept an end of the audit log that the catalog does not have, so there is no break to accept."""

    code = "audit.nothing_to_accept"


class BreakChangedError(ConflictError):
    """The end of the audit log that is gone is another one than was named."""

    code = "audit.break_changed"
