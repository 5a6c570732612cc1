"""What a porter and the walk it serves say to each other."""

import socket
from enum import IntEnum

import msgspec

from strongroom.sources.files.links import LinkState
from strongroom.sources.files.sighting import Task
from strongroom.tree.content import Problem
from strongroom.tree.entry import Entry

BLOCK_BYTES = 2 * 1024 * 1024
BLOCKS = 4

CARRIED_BYTES = 512 * 1024
"""Larger files are passed open, and read by others than whoever waits for the next step."""


def receive(connection: socket.socket, count: int) -> bytes:
    """Return so many bytes; raises EOFError where the other side sends no more, and OSError."""
    received = b""
    while len(received) < count:
        # A signal, as when the program is stopped and goes on, has it return what is there by then.
        more = connection.recv(count - len(received), socket.MSG_WAITALL)
        if not more:
            raise EOFError
        received += more
    return received


class LoadKind(IntEnum):
    """What a load is: a directory's begin and end, an entry without content, one whose bytes are in the ring, one whose
    descriptor comes along, what could not be backed up, the last one, and the last one where the tree was moved."""

    ENTER = 0
    LEAVE = 1
    PLAIN = 2
    HELD = 3
    PASSED = 4
    PROBLEM = 5
    END = 6
    MOVED = 7


class Place(msgspec.Struct, array_like=True, frozen=True):
    """A directory on the way to where a walk stands, and the first name that is still to come in it."""

    name: bytes
    device: int
    inode: int
    first: bytes | None


class Errand(msgspec.Struct, frozen=True):
    """Where and by what rules to walk: the descriptors of the root and of the ring, and what was seen before."""

    task: Task
    ring: int
    places: list[Place]
    links: LinkState


class Load(msgspec.Struct, array_like=True, frozen=True, gc=False, omit_defaults=True):
    """One step of the walk, and where the bytes of its content are."""

    kind: LoadKind
    entry: Entry | None = None
    block: int = 0
    offset: int = 0
    length: int = 0
    holes: list[tuple[int, int]] = []
    problem: Problem | None = None
