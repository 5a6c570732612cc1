"""Reading the roles and tablespaces that a backup of a PostgreSQL server holds."""

import uuid

from strongroom.backup.browsing import open_backup, paths
from strongroom.backup.errors import NothingSelectedError
from strongroom.backup.targets import get_postgres_server
from strongroom.services import Services
from strongroom.sources.postgres.holding import GLOBALS_NAME
from strongroom.sources.postgres.roles import Globals, all_globals, lacking_globals


def read_globals(
    services: Services, backup_id: uuid.UUID, region: str | None, *, missing_on: str | None = None
) -> Globals:
    """Return the SQL that makes them, or only what the server of the source `missing_on` lacks.

    Raises NothingSelectedError where the backup has none, what open_backup raises, and what connecting raises.
    """
    reader = open_backup(services, backup_id, region)
    entry = next((entry for path, entry in paths(reader) if path == GLOBALS_NAME), None)
    if entry is None:
        raise NothingSelectedError(
            f"Backup {backup_id} holds no roles.",
            next_step="Write globals = true in its source; the next backup will hold them.",
        )
    text = b"".join(bytes(piece) for piece in reader.stream(entry)).decode()
    if missing_on is None:
        return all_globals(text)
    return lacking_globals(text, get_postgres_server(services.settings, missing_on))
