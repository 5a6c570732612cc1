"""The kinds of value that settings are made of."""

import re
from pathlib import Path
from typing import Annotated, Self, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo
from pydantic_core import PydanticCustomError

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


class Section(BaseModel):
    """A part of the settings: immutable, and strict about keys it does not know."""

    # What checks a section is built when something in it is checked first; few files have them all.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)

    @classmethod
    def defaults(cls) -> Self:
        """Return the section with nothing set; only for those whose defaults need no checks."""
        # Pydantic's plugin for mypy takes what a subclass constructs for a Section.
        return cast("Self", cls.model_construct())

    @classmethod
    def has_sound_defaults(cls) -> bool:
        """Say whether nothing has to be set, and no default depends on anything else."""
        return not any(field.is_required() or field.validate_default for field in cls.model_fields.values())


def _anchor(path: Path, info: ValidationInfo) -> Path:
    if path.parts[:1] == ("~",):
        raise PydanticCustomError("home_path", "`~` is not expanded here.")
    base = (info.context or {}).get("base")
    return base / path if base else path


def _pattern(line: str) -> str:
    # Imported where a pattern is: every command reads the settings, and few installations have patterns.
    from pathspec import GitIgnoreSpec

    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:
        raise PydanticCustomError("pattern", "This is not a pattern as in a .gitignore file.") from None
    return line


def _http_url(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise PydanticCustomError("url", "This is not an http:// or https:// address.")
    return url.rstrip("/")


def _name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise PydanticCustomError(
            "name", "A name is made of lower-case letters, digits, `-` and `_`, at most 63 of them."
        )
    return name


AnchoredPath = Annotated[Path, AfterValidator(_anchor)]
"""A path; relative ones start at the folder of the configuration file."""

Name = Annotated[str, AfterValidator(_name)]
"""What a person calls a source, a region or a policy; it becomes part of object keys."""

HttpUrl = Annotated[str, AfterValidator(_http_url)]
Flag = Annotated[bool, Field(strict=True)]
Port = Annotated[int, Field(strict=True, ge=1, le=65535)]
Limit = Annotated[float, Field(strict=True, ge=0.01, le=1_000_000)]
"""Something a second."""

Pattern = Annotated[str, Field(min_length=1), AfterValidator(_pattern)]
"""What to include or exclude, as in a .gitignore file."""

Text = Annotated[str, Field(min_length=1)]
