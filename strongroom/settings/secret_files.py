"""An environment in which `NAME_FILE=PATH` stands for NAME: how containers are given secrets."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from strongroom.errors import InvalidInputError

SUFFIX = "_FILE"
LARGEST = 64 * 1024


class SecretFileError(InvalidInputError):
    """A file that a variable names in place of a value cannot be read, or the value is given twice."""

    code = "settings.secret_file"


class EnvironmentWithFiles(Mapping[str, str]):
    """The variables that are set; one that is not, is the content of the file that NAME_FILE names, if there is one.

    Only what is asked for by name is looked for in a file, so that nothing that lists the variables holds a secret. A
    line end at the end of the file does not count. Looking up raises SecretFileError.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def __getitem__(self, name: str) -> str:
        path = self._variables.get(f"{name}{SUFFIX}")
        value = self._variables.get(name)
        if not path or name.endswith(SUFFIX):
            return self._variables[name]
        if value:
            raise SecretFileError(
                f"{name} and {name}{SUFFIX} are both set.", next_step="Unset one of them: each gives the value."
            )
        return _content(name, Path(path))

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)


def _content(name: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
        text = raw.decode()
    except OSError as error:
        reason = error.strerror or "it cannot be read"
    except UnicodeDecodeError:
        reason = "it is not text"
    else:
        if len(raw) <= LARGEST:
            return text.removesuffix("\n").removesuffix("\r")
        reason = f"it has more than {LARGEST // 1024} KiB"
    raise SecretFileError(
        f"The file {path}, which {name}{SUFFIX} names, does not give a value: {reason}.",
        next_step="Mend the file, or the rights on it, and start again.",
    )
