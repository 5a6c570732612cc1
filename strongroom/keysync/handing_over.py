"""Giving a pair a new shared secret: made and written on one side, carried, read and kept on the other."""

from pathlib import Path

from strongroom.catalog.errors import CatalogUnavailableError
from strongroom.clock import RandomBytes
from strongroom.errors import StrongroomError
from strongroom.keysync.keeping import PskState
from strongroom.keysync.psk_file import CarriedPsk, make_psk, read_psk, write_psk
from strongroom.keysync.psks import Psks


def hand_out(psks: Psks, path: Path, *, own: str, peer: str, random: RandomBytes) -> tuple[CarriedPsk, PskState]:
    """Make a secret, write it to a new file for the other side, and keep it.

    The file goes again where the secret was not kept; where that is unknown it stays, because it may be the only way
    to the other side. Raises PskFileError, and as `Psks.install`.
    """
    psk = make_psk(own, peer, random)
    write_psk(path, psk)
    try:
        return psk, psks.install(peer, psk.psk_id, psk.secret)
    except CatalogUnavailableError:
        raise
    except StrongroomError:
        path.unlink()
        raise


def take_over(psks: Psks, path: Path, *, own: str, peer: str) -> tuple[CarriedPsk, PskState]:
    """Keep the secret that the other side has written; raises PskFileError, and as `Psks.install`."""
    psk = read_psk(path, own=own, peer=peer)
    return psk, psks.install(peer, psk.psk_id, psk.secret)
