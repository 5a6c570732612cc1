"""Following a stored tree in step with a walk over the source: the same names in the same order, in bounded memory."""

from collections.abc import Iterator

from strongroom.repository.treestream import StoredItem
from strongroom.tree.content import Enter, Item, Leave, Step
from strongroom.tree.entry import Entry


class TreeFollower:
    """A stored tree, read only as far as a walk has come; the tree may end early.

    Call `enter` and `leave` for every directory of the walk, the root (named b"") included, and `find` for any other
    name, in the order of the walk: names in a directory ascending as bytes.
    """

    def __init__(self, steps: Iterator[Step]) -> None:
        self._steps = steps
        self._next: Step | None = next(steps, None)
        self._outside = 0

    def enter(self, name: bytes) -> None:
        """Follow the walk into a directory, if the tree has it."""
        if not self._outside and isinstance(self._seek(name), Enter):
            self._next = next(self._steps, None)
        else:
            self._outside += 1

    def leave(self) -> None:
        """Follow the walk out of the directory it entered last."""
        if self._outside:
            self._outside -= 1
            return
        step = self._next
        while isinstance(step, Item):
            step = self._next = next(self._steps, None)
        while self._next is not None and not isinstance(self._next, Leave):
            self._skip()
        self._next = next(self._steps, None)

    def find(self, name: bytes) -> Entry | None:
        """Return the tree's entry of this name in the directory the walk is in, unless it is a directory."""
        if self._outside:
            return None
        # Called for every file of a source: the usual case, one item after the other, goes no further than here.
        step = self._next
        while isinstance(step, StoredItem):
            entry = step.entry
            if entry.name >= name:
                return entry if entry.name == name else None
            step = self._next = next(self._steps, None)
        step = self._seek(name)
        return step.entry if isinstance(step, Item) else None

    def _seek(self, name: bytes) -> Step | None:
        while True:
            step = self._next
            if step is None or isinstance(step, Leave):
                return None
            found = step.entry.name
            if found >= name:
                return step if found == name else None
            self._skip()

    def _skip(self) -> None:
        """Pass one entry, with everything below it."""
        depth = 0
        while self._next is not None:
            step = self._next
            self._advance()
            if isinstance(step, Enter):
                depth += 1
            elif isinstance(step, Leave):
                depth -= 1
            if depth == 0:
                return

    def _advance(self) -> None:
        self._next = next(self._steps, None)
