"""How much room a drill needs on the disk, and what is said when the disk becomes full all the same."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from strongroom.drills.clearing import SERVER
from strongroom.drills.errors import NoRoomForDrillError
from strongroom.errors import StrongroomError
from strongroom.repository.reader import ManifestHead
from strongroom.sources.postgres.holding import held_databases

MIB = 1 << 20
LOG_BYTES = 512 * MIB
"""What a scratch server's write-ahead log may grow to, and a little more."""

BLOCK_BYTES = 4096


_FULL = os.strerror(errno.ENOSPC)


@contextmanager
def telling_of_a_full_disk(place: Path) -> Iterator[None]:
    """Have an error that a full disk is behind say so: it says nothing about the backup. Raises NoRoomForDrillError."""
    try:
        yield
    except StrongroomError as error:
        if _FULL in error.what or _FULL in _words_of_server(place):
            raise NoRoomForDrillError(
                "The disk became full while the drill restored.",
                next_step="Make room there, or name a larger directory in [drills].",
            ) from error
        raise


def _words_of_server(place: Path) -> str:
    """Return what a server said; one that has no room for its log ends without a word to those it serves."""
    log = place / SERVER / "server.log"
    return log.read_text(errors="replace") if log.exists() else ""


def room_for_tree(head: ManifestHead) -> int:
    """Return the bytes that a restored tree takes: its content, and a block for each file."""
    return head.source_bytes + head.files * BLOCK_BYTES + 16 * MIB


def room_for_databases(head: ManifestHead) -> int:
    """Return the bytes that restored databases take: a quarter more than on their server, the log, and laid down dumps.

    A dump that several jobs restore lies on the disk meanwhile; it is hardly larger than its database.
    """
    held = held_databases(head.facts)
    databases = sum(max(database.bytes, 8 * MIB) for database in held)
    laid_down = max((one.bytes for one in held if one.jobs > 1 or one.format != "custom"), default=0)
    return databases * 5 // 4 + laid_down + min(LOG_BYTES, databases) + 64 * MIB
