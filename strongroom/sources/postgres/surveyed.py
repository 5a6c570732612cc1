"""What looking at the target of a restore has shown."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Survey:
    """One database and its target; `obstacles` would end the restore, `bytes` is the size of the dump.

    `state` is absent, empty or filled, and None where the server could not be asked, as is `server_version`.
    """

    database: str
    target: str
    state: str | None
    server_version: str | None
    tables: int
    bytes: int
    database_bytes: int
    missing_extensions: tuple[str, ...]
    obstacles: tuple[str, ...]
