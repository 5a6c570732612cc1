"""A shared secret on its way from one site to the other: a private file of a few lines."""

import json
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from strongroom.clock import RandomBytes
from strongroom.errors import InvalidInputError

PSK_BYTES = 32
_FORMAT = "strongroom-skip-psk/1"
_LARGEST = 4096


class PskFileError(InvalidInputError):
    """A file does not hold a shared secret, others may read it, or it cannot be made."""

    code = "keysync.psk_file"


@dataclass(frozen=True, slots=True)
class CarriedPsk:
    """A secret of two providers, by their system ids."""

    psk_id: str
    pair: frozenset[str]
    secret: bytes = field(repr=False)

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled."""
        raise TypeError("A shared secret is never pickled.")


def make_psk(first: str, second: str, random: RandomBytes) -> CarriedPsk:
    """Make a secret of 32 random bytes for two providers."""
    return CarriedPsk(random(8).hex(), frozenset({first, second}), random(PSK_BYTES))


def write_psk(path: Path, psk: CarriedPsk) -> None:
    """Write a new private file; raises PskFileError rather than replace one, and where it cannot be written."""
    document = {
        "format": _FORMAT,
        "psk_id": psk.psk_id,
        "pair": sorted(psk.pair),
        "secret": psk.secret.hex(),
    }
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise PskFileError(
            f"The file {path} cannot be made: {error.strerror}.", next_step="Name a new file; nothing was changed."
        ) from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
        file.write("\n")


def read_psk(path: Path, *, own: str, peer: str) -> CarriedPsk:
    """Return the secret in a file; raises PskFileError where it is not one of these two providers."""
    psk = _parse(path)
    if psk.pair != {own, peer}:
        raise PskFileError(
            f"The secret in {path} belongs to {' and '.join(sorted(psk.pair))}.",
            next_step=f"Take the one that was made for {own} and {peer}.",
        )
    return psk


def _parse(path: Path) -> CarriedPsk:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_LARGEST)
        document = json.loads(content)
        psk = CarriedPsk(str(document["psk_id"]), frozenset(document["pair"]), bytes.fromhex(document["secret"]))
        known = document["format"] == _FORMAT and len(psk.secret) >= PSK_BYTES
    except OSError as error:
        raise PskFileError(f"The file {path} cannot be read: {error.strerror}.", next_step="Name another.") from None
    except (ValueError, KeyError, TypeError):
        known, mode = False, 0
    if not known:
        raise PskFileError(f"The file {path} holds no shared secret.", next_step="Have the other site make it anew.")
    if stat.S_IMODE(mode) & 0o077:
        raise PskFileError(f"The file {path} may be read by others.", next_step=f"chmod 600 {path}")
    return psk
