"""What giving and keeping keys can answer instead."""

from typing import ClassVar

from strongroom.errors import ConflictError, IntegrityError, InvalidInputError, UnavailableError


class UnknownKeyError(InvalidInputError):
    """No unspent key has this id for this peer: there never was one, or it was given, voided or has expired."""

    code = "keysync.unknown_key"


class UnknownRemoteError(InvalidInputError):
    """The remote system is not a provider this one shares keys with."""

    code = "keysync.unknown_remote"


class BadKeySizeError(InvalidInputError):
    """Keys have 128 to 512 bits, a multiple of 8."""

    code = "keysync.bad_key_size"


class NoKeyNowError(UnavailableError):
    """The peer has confirmed no key that could be given, and does not answer; asking again later helps."""

    code = "keysync.no_key_now"
    retry_after_seconds: ClassVar[int] = 5


class NoEntropyNowError(UnavailableError):
    """The generator of random bytes is away or has gathered too little yet; asking again later helps."""

    code = "keysync.no_entropy_now"


class SealedKeyError(IntegrityError):
    """Sealed key bytes in the catalog do not open under the label of their row."""

    code = "keysync.sealed_key_changed"


class SealingKeyGoneError(UnavailableError):
    """The data key that key bytes were sealed with was thrown away; another key can be had."""

    code = "keysync.sealing_key_gone"


class PskExistsError(ConflictError):
    """A shared secret with this id was there before, or another one waits to be confirmed by the peer."""

    code = "keysync.psk_exists"
