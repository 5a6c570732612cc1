"""What a check of the audit log can find wrong."""

from dataclasses import dataclass
from enum import StrEnum


class Flaw(StrEnum):
    """How a row, or the end of the chain, is not what was written."""

    EDITED = "edited"
    """A value of the row was changed; the rows after it fit what was there before."""
    SWAPPED = "swapped"
    """In its place stands what belongs elsewhere, or the other way round."""
    REMOVED = "removed"
    """The row is not there, and ones after it are."""
    FOREIGN = "foreign"
    """The row was not written by Strongroom, or one before it was removed and the rest was numbered anew."""
    APPENDED = "appended"
    """The row comes after the end of the chain."""
    CUT_OFF = "cut off"
    """The chain should go on: its head says so."""
    HEAD_MISSING = "head missing"
    HEAD_FORGED = "head forged"
    """The head was not written by Strongroom."""
    ROLLED_BACK = "rolled back"
    """A region knows a later end of the chain than the catalog does."""
    REWRITTEN = "rewritten"
    """A region knows another row in this place."""


_WORDS = {
    Flaw.EDITED: "Row {sequence} was changed after it was written.",
    Flaw.SWAPPED: "Row {sequence} has changed places with another one.",
    Flaw.REMOVED: "Row {sequence} was removed.",
    Flaw.FOREIGN: "Row {sequence} was not written by Strongroom, or rows before it were removed.",
    Flaw.APPENDED: "Row {sequence} was added by hand after the end of the chain.",
    Flaw.CUT_OFF: "Row {sequence} and all after it were removed.",
    Flaw.HEAD_MISSING: "The head of the chain was removed.",
    Flaw.HEAD_FORGED: "The head of the chain was not written by Strongroom.",
    Flaw.ROLLED_BACK: "Row {sequence} and all after it were removed, and the head was put back.",
    Flaw.REWRITTEN: "Row {sequence} was written anew.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """The first thing that is wrong; `region` is the one whose copy of the head shows it."""

    flaw: Flaw
    sequence: int
    region: str | None = None

    @property
    def words(self) -> str:
        """Say it in a sentence or two."""
        shown = "" if self.region is None else f" Region {self.region} has kept what was there."
        return _WORDS[self.flaw].format(sequence=self.sequence) + shown
