"""What can be wrong with the installation's own keys."""

from strongroom.errors import CannotDecryptError


class PurposeKeyGoneError(CannotDecryptError):
    """A key of the installation's own is wrapped under the key of a region that is no longer configured."""

    code = "purposekeys.gone"
