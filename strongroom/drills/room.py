"""How much room a drill needs on the disk."""

from strongroom.repository.reader import ManifestHead
from strongroom.sources.postgres.holding import held_databases

MIB = 1 << 20
LOG_BYTES = 512 * MIB
"""What a scratch server's write-ahead log may grow to, and a little more."""

BLOCK_BYTES = 4096


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
