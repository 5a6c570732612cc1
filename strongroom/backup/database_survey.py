"""Looking at every database that a restore would fill."""

from strongroom.backup.database_wish import DatabaseWish, target_names
from strongroom.backup.restore_database import Tally, stored_dumps
from strongroom.backup.restore_requests import RestoreRequest
from strongroom.backup.targets import PostgresTargetRequest, get_postgres_server
from strongroom.repository.reader import BackupReader
from strongroom.services import Services
from strongroom.sources.postgres.holding import held_databases
from strongroom.sources.postgres.survey import survey
from strongroom.sources.postgres.surveyed import Survey
from strongroom.sources.postgres.target import RestoreOptions


def survey_databases(
    services: Services, reader: BackupReader, request: RestoreRequest, target: PostgresTargetRequest
) -> tuple[Survey, ...]:
    """Look at the target of each chosen database; writes nothing."""
    wish = request.databases or DatabaseWish()
    chosen = wish.choose(held_databases(reader.head.facts))
    names = target_names(target.dbname, chosen)
    dumps = stored_dumps(reader, Tally(_unheard))
    server = get_postgres_server(services.settings, target.server)
    scratch = services.settings.scratch_dir
    options = RestoreOptions(request.overwrite, wish.jobs, wish.owners, wish.selection)
    return tuple(survey(server, names[held.name], scratch, dumps[held.name], options) for held in chosen)


def _unheard(done_bytes: int, files: int) -> None:
    """Report to nobody."""
