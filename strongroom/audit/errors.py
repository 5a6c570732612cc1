"""What goes wrong with the audit log."""

from strongroom.errors import IntegrityError


class AuditHeadMissingError(IntegrityError):
    """The row that ends the audit log is gone; nothing is changed until it is back."""

    code = "audit.head_missing"
