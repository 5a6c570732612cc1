"""The process behind a porter: goes on with a walk where another one stands, and carries what it finds to that one.

Standard input is a socket. It brings one Errand; back go batches, four bytes of length, big endian, and so many of a
msgpack array of Loads, in the order of the walk and ended by END, or by MOVED with what to say of that. A batch is
accompanied by the descriptors of those of its files that are PASSED. The bytes of smaller files lie in a ring of blocks
in shared memory, filled in turn; for each block that was read to its end the socket brings a byte, and the block may be
filled again.
"""

import os
import socket
from contextlib import suppress

import msgspec

from strongroom.errors import StrongroomError
from strongroom.sources.files.carrier import Carrier
from strongroom.sources.files.exclusion import Exclusion, Scope
from strongroom.sources.files.folders import FolderStack, names_by_kind, open_quietly
from strongroom.sources.files.links import LinkTable
from strongroom.sources.files.loads import Errand, Place, receive
from strongroom.sources.files.readahead import ReadAhead
from strongroom.sources.files.walk import Crew, FilesWalk


def _carry(errand: Errand, connection: socket.socket, ahead: ReadAhead) -> None:
    task = errand.task
    # Not the descriptor that the other walk has as well: they would share the place up to which the root was listed.
    folders = FolderStack.at_root(open_quietly(b".", os.O_RDONLY | os.O_DIRECTORY, task.root))
    levels = [_names(folders, errand.places[0])]
    for place in errand.places[1:]:
        folders.enter(place.name)
        levels.append(_names(folders, place))
    exclusion = Exclusion(task.exclude, task.include) if task.exclude or task.include else None
    walk = FilesWalk(folders, Scope(exclusion, task.one_file_system), {}, Crew(ahead))
    carrier = Carrier(connection, errand.ring, walk, ahead, exclusion)
    walk.go_on(levels, LinkTable.restored(errand.links), carrier.take)
    carrier.carry()


def _names(folders: FolderStack, place: Place) -> tuple[list[bytes], set[bytes]]:
    folder = folders.current
    if (folder.device, folder.inode) != (place.device, place.inode):
        raise FileNotFoundError
    others: set[bytes] = set()
    if place.first is None:
        return [], others
    return [name for name in names_by_kind(folder, others) if name >= place.first], others


def serve(connection: socket.socket) -> None:
    """Say that an errand is awaited, and carry it out; raises OSError and EOFError where nobody is there any more."""
    connection.sendall(b"\0")
    length = int.from_bytes(receive(connection, 4), "big")
    errand = msgspec.msgpack.decode(receive(connection, length), type=Errand)
    with ReadAhead() as ahead:
        _carry(errand, connection, ahead)


def main() -> None:
    """Serve the socket that is standard input."""
    # Whoever waits for the end sees that it ended early.
    with (
        suppress(OSError, EOFError, StrongroomError, msgspec.MsgspecError, KeyboardInterrupt),
        socket.socket(fileno=0) as theirs,
    ):
        serve(theirs)
