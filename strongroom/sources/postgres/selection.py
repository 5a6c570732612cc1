"""What of a dumped database somebody wants back."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Part(StrEnum):
    """Whether definitions, rows or both are restored."""

    ALL = "all"
    SCHEMA = "schema"
    DATA = "data"


@dataclass(frozen=True, slots=True)
class Selection:
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
    def from_args(cls, args: Mapping[str, Any]) -> "Selection":
        """Read what `as_args` returned."""
        return cls(tuple(args["tables"]), tuple(args["schemas"]), Part(args["part"]))


EVERYTHING = Selection()
