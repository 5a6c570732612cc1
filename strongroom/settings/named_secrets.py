"""Secrets by name: an environment variable or a private file, read when they are used and not before.

A missing password of one channel is a fault of that channel, not of every process that reads the settings.
"""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr
from pydantic_core import PydanticCustomError

from strongroom.errors import InvalidInputError
from strongroom.settings.fields import AnchoredPath

LARGEST_FILE = 64 * 1024


class NamedSecretError(InvalidInputError):
    """A secret is not where the settings say, or others may read its file."""

    code = "settings.named_secret"


def _variable(name: str) -> str:
    if not name.replace("_", "a").isalnum() or not name.isascii() or name[0].isdigit():
        raise PydanticCustomError("variable", "This is not the name of an environment variable.")
    return name


VariableName = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_variable)]
"""The name of an environment variable; the secret itself never stands in the file."""

SecretPath = AnchoredPath
"""A file that only its owner may read, with the secret as its only line."""


@dataclass(frozen=True, slots=True)
class NamedSecret:
    """Where a secret is: in a variable or in a file, or nowhere."""

    what: str
    variable: str | None
    file: Path | None

    @property
    def given(self) -> bool:
        """Say whether the settings name a place."""
        return self.variable is not None or self.file is not None

    def read(self, env: Mapping[str, str]) -> SecretStr:
        """Return the secret; raises NamedSecretError."""
        if self.variable is not None:
            return self._checked(env.get(self.variable, ""), f"the environment variable {self.variable}")
        if self.file is not None:
            return self._checked(self._read_file(self.file), f"the file {self.file}")
        raise NamedSecretError(
            f"There is no {self.what}.", next_step=f"Name it: `{self.what}_env` or `{self.what}_file`."
        )

    def _checked(self, value: str, place: str) -> SecretStr:
        if not value or "\n" in value or "\r" in value:
            raise NamedSecretError(
                f"There is no {self.what} in {place}.",
                next_step="Put it there, on one line, and start again.",
            )
        return SecretStr(value)

    def _read_file(self, path: Path) -> str:
        try:
            with path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                content = file.read(LARGEST_FILE)
        except OSError as error:
            raise NamedSecretError(
                f"The file {path} with the {self.what} cannot be read: {error.strerror}.", next_step="Mend its place."
            ) from None
        if not stat.S_ISREG(mode) or stat.S_IMODE(mode) & 0o077:
            raise NamedSecretError(
                f"The file {path} with the {self.what} may be read by others.", next_step=f"chmod 600 {path}"
            )
        return content.decode(errors="replace").strip()
