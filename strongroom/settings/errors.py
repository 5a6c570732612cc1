"""What can be wrong with the configuration."""

from dataclasses import dataclass
from pathlib import Path

from strongroom.errors import InvalidInputError, NotAllowedError, NotFoundError


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong: where, what, and what to write instead.

    `line` counts from 1 and is None for what is not in the file, such as an environment variable.
    """

    line: int | None
    place: str
    what: str
    instead: str

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        return f"{where}{self.place}: {self.what} {self.instead}".rstrip()


class ConfigError(InvalidInputError):
    """The configuration has mistakes; `mistakes` holds all of them, in the order of the file."""

    code = "settings.invalid"

    def __init__(self, path: Path, mistakes: tuple[Mistake, ...]) -> None:
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        listing = "\n".join(f"  {mistake}" for mistake in mistakes)
        super().__init__(
            f"{path.name} has {count}:\n{listing}",
            next_step="Correct the file, then run `strongroom config check`.",
            path=str(path),
        )
        self.mistakes = mistakes


class ConfigNotFoundError(NotFoundError):
    """There is no configuration file where one was looked for, or it cannot be read."""

    code = "settings.file_not_found"


class ConfigNotWritableError(NotAllowedError):
    """The configuration file cannot be made where it should lie."""

    code = "settings.file_not_writable"


class UnknownSourceError(NotFoundError):
    """No source of this name is configured."""

    code = "settings.unknown_source"


class UnknownStandbyError(NotFoundError):
    """No primary and standby of this name are configured."""

    code = "settings.unknown_standby"


class SkipNotConfiguredError(NotFoundError):
    """This installation is no key provider: the configuration has no `[skip]`."""

    code = "settings.no_skip"


class UnknownPeerError(NotFoundError):
    """No key provider of this name or system id is configured as a peer."""

    code = "settings.unknown_peer"


class UnknownDatabaseError(NotFoundError):
    """No database of this name is configured, or none is named where there are several."""

    code = "settings.unknown_database"


class UnknownChannelError(NotFoundError):
    """No channel of this name is configured."""

    code = "settings.unknown_channel"


class UnknownRegionError(NotFoundError):
    """No region of this name is configured."""

    code = "settings.unknown_region"


class SecretMissingError(InvalidInputError):
    """A process needs a secret that the environment does not hold."""

    code = "settings.secret_missing"
