"""What can go wrong when people are to be told."""

from strongroom.errors import ConflictError, InvalidInputError, NotFoundError, StrongroomError, UnavailableError


class ChannelFailedError(UnavailableError):
    """A channel did not take a message; it is tried again, and another channel is asked meanwhile."""

    code = "alerts.channel_failed"


class AddressDeferredError(UnavailableError):
    """The mail server does not take mail for one operator just now; it is tried again."""

    code = "alerts.address_deferred"


class AddressRefusedError(StrongroomError):
    """The mail server takes no mail for one operator; the operations' channels are told instead."""

    code = "alerts.address_refused"


class ChannelForbiddenError(StrongroomError):
    """The address of a channel leads into a private network that the settings do not list."""

    code = "alerts.private_address"


class BadAddressError(InvalidInputError):
    """The secret address of a channel or a ping is none that can be spoken to."""

    code = "alerts.bad_address"


class ExtraMissingError(StrongroomError):
    """A channel needs an optional part that is not installed."""

    code = "alerts.extra_missing"


class AlertNotFoundError(NotFoundError):
    """There is no alert with this id."""

    code = "alerts.not_found"


class AlertResolvedError(ConflictError):
    """The alert is over already."""

    code = "alerts.resolved"


class BadSilenceError(InvalidInputError):
    """The silence would match everything, has no reason, or lasts too long."""

    code = "alerts.bad_silence"


class SilenceNotFoundError(NotFoundError):
    """There is no silence with this id, or it is over."""

    code = "alerts.silence_not_found"


class NoteMissingError(InvalidInputError):
    """An alert is resolved by hand only with a note."""

    code = "alerts.note_missing"
