"""What of a dumped database somebody wants back."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from strongroom.sources.errors import DumpSelectionError


class Part(StrEnum):
    """Whether definitions, rows or both are restored."""

    ALL = "all"
    SCHEMA = "schema"
    DATA = "data"


@dataclass(frozen=True, slots=True)
class DumpSelection:
    """Which tables and schemas; all of them where neither is named. Patterns have `*` and `?`, case counts.

    A table is `name` or `schema.name`, with "double quotes" around a part that holds a dot.
    """

    tables: tuple[str, ...] = ()
    schemas: tuple[str, ...] = ()
    part: Part = Part.ALL

    @property
    def is_whole(self) -> bool:
        """Tell whether everything is wanted."""
        return not self.tables and not self.schemas and self.part is Part.ALL

    def as_args(self) -> dict[str, Any]:
        """Return the form that a job carries."""
        return {"tables": list(self.tables), "schemas": list(self.schemas), "part": self.part.value}

    @classmethod
    def from_args(cls, args: Mapping[str, Any]) -> "DumpSelection":
        """Read what `as_args` returned."""
        return cls(tuple(args["tables"]), tuple(args["schemas"]), Part(args["part"]))


WHOLE = DumpSelection()


def split_name(spelled: str) -> tuple[str | None, str]:
    """Return schema, None for any, and name of a table as people spell it; raises DumpSelectionError."""
    parts = [""]
    quoted = False
    for letter in spelled:
        if letter == '"':
            quoted = not quoted
        elif letter == "." and not quoted:
            parts.append("")
        else:
            parts[-1] += letter
    if quoted or len(parts) > 2 or not all(parts):
        raise DumpSelectionError(
            f"{spelled!r} is not the name of a table.",
            next_step='Write name, schema.name, or "na.me" in double quotes where a part holds a dot.',
        )
    return (parts[0] if parts[1:] else None), parts[-1]
