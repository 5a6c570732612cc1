"""`strongroom secrets reencrypt`: bring a column to the active version, here or by workers."""

import sys
from dataclasses import asdict, dataclass
from typing import Any

import click

from strongroom.cli.command import ValueOf
from strongroom.cli.dispatch import trace_id_of
from strongroom.cli.invocation import Invocation
from strongroom.cli.secrets.command import SecretsCommand, dry_run_option, yes_option
from strongroom.cli.secrets.reencrypt_report import announce, conclude
from strongroom.cli.secrets.reencrypt_run import follow_reencryption, run_reencryption
from strongroom.cli.secrets.speaking import Speaker
from strongroom.cli.waiting import Waiting, waiting_options_with
from strongroom.columns.place import Binding, TokenFormat
from strongroom.errors import ExitCode
from strongroom.rotation.campaigns import (
    ReencryptionRequest,
    get_reencryption,
    get_to_resume,
    request_reencryption,
    resume_reencryption,
)
from strongroom.rotation.pace import Pace
from strongroom.rotation.target import Target
from strongroom.rotation.wishing import TargetWish, find_mapped_targets, find_target
from strongroom.services import Services

USUAL = Pace()


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says, by the names of its options."""

    column: str | None
    model: str | None
    table: str | None
    keys: tuple[str, ...]
    database: str | None
    app: str | None
    token_format: TokenFormat | None
    binding: Binding | None
    batch_size: int
    commit_every: int
    parallel: int
    max_rows: int | None
    max_lag_seconds: float
    vacuum_percent: int
    yields: bool
    resume: bool
    job_id: int | None
    dry_run: bool

    def wish(self) -> TargetWish:
        """Return the column that is meant; raises UsageError."""
        if self.column is None or (self.model is None and self.table is None):
            raise click.UsageError("Name the column: --model module:Class, or --table schema.table, with --column.")
        return TargetWish(
            self.column,
            self.model,
            self.table,
            self.keys,
            self.database,
            self.app,
            self.token_format,
            self.binding,
        )

    def pace(self) -> Pace:
        """Return how fast it is to go."""
        return Pace.asked(asdict(self))


@click.command(
    "reencrypt",
    cls=SecretsCommand,
    examples=(
        "strongroom secrets reencrypt --model app.models.autenticacao:User --column _otp_secret",
        "strongroom secrets reencrypt --table public.users --column otp_secret --dry-run",
        "strongroom secrets reencrypt --model app.models.autenticacao:User --column _otp_secret --resume",
    ),
)
@click.option("--model", help="The mapped class, as module:Class.")
@click.option("--column", help="Name of the column in the database.")
@click.option("--table", help="Instead of a class: the table, as schema.table.")
@click.option("--key", "keys", multiple=True, help="With --table: a column of its key, if not the primary key.")
@click.option("--database", help="Name of the database in the settings; needed where there are several.")
@click.option("--app", help="Name of the application in its tokens, if not as the settings say.")
@click.option("--format", "token_format", type=ValueOf(TokenFormat), help="Make tokens so, if not as the class says.")
@click.option("--binding", type=ValueOf(Binding), help="What tokens are bound to, if not as the class says.")
@click.option(
    "--batch-size", type=click.IntRange(1, 20_000), default=USUAL.batch_size, show_default=True, help="Rows at a time."
)
@click.option(
    "--commit-every",
    type=click.IntRange(1, 20_000),
    default=USUAL.commit_every,
    show_default=True,
    help="Rows in a transaction.",
)
@click.option(
    "--parallel", type=click.IntRange(1, 64), default=USUAL.parallel, show_default=True, help="Workers at a time."
)
@click.option("--max-rate", "max_rows", type=click.IntRange(1), help="Rows a second of each worker, at most.")
@click.option(
    "--max-lag",
    "max_lag_seconds",
    type=float,
    default=USUAL.max_lag_seconds,
    show_default=True,
    help="Wait above so many seconds of lag.",
)
@click.option(
    "--vacuum-every",
    "vacuum_percent",
    type=click.IntRange(0, 100),
    default=USUAL.vacuum_percent,
    show_default=True,
    help="Percent of a PostgreSQL table after which it is vacuumed; 0 never.",
)
@click.option(
    "--yield/--no-yield",
    "yields",
    default=USUAL.yields,
    show_default=True,
    help="Go in small steps with pauses while others use a PostgreSQL database.",
)
@click.option("--resume", is_flag=True, help="Go on with the one that was interrupted.")
@click.option("--job-id", type=int, help="Which one to go on with.")
@dry_run_option
@yes_option
@waiting_options_with(Waiting.HERE)
@click.pass_obj
def reencrypt(invocation: Invocation, /, waiting: Waiting, *, yes: bool, **options: Any) -> ExitCode:
    """Re-encrypt a column with the active version of the keys.

    A row is replaced only while it holds what was read, so that no write of the application is lost. A row that does
    not open is left as it is and listed; the command ends with 3 then. On a terminal it asks before it begins.
    """
    speaker, wanted = Speaker.of(invocation), Options(**options)
    with invocation.services() as services:
        number = _resumed(services, wanted) if wanted.resume or wanted.job_id is not None else None
        if number is None:
            number = _requested(services, wanted, speaker, ask=sys.stdin.isatty() and not yes)
        announce(services, number, speaker)
        if waiting is Waiting.LEAVE:
            return ExitCode.OK
        run = run_reencryption if waiting is Waiting.HERE else follow_reencryption
        run(services, number, speaker)
        return conclude(services, number, speaker)


def _requested(services: Services, wanted: Options, speaker: Speaker, *, ask: bool) -> int:
    target = find_target(services.settings, wanted.wish())
    version = services.open_ring().active
    question = "Re-encrypt {target} with version '{version}'?"
    speaker.confirm(question, yes=wanted.dry_run or not ask, target=target.place, version=version)
    others = _mapped_beside(services, wanted.model, target)
    request = ReencryptionRequest(target, wanted.pace(), trace_id_of(services), wanted.model, wanted.dry_run, others)
    return request_reencryption(services, request).id


def _mapped_beside(services: Services, model: str | None, target: Target) -> list[Target]:
    return [] if model is None else find_mapped_targets(services.settings, model, target.database, target.app)


def _resumed(services: Services, wanted: Options) -> int:
    number = wanted.job_id
    place = find_target(services.settings, wanted.wish()).place if number is None else ""
    with services.catalog.begin() as session:
        if number is None:
            number = get_to_resume(session, place, dry_run=wanted.dry_run).id
        elif wanted.dry_run and not get_reencryption(session, number).dry_run:
            raise click.UsageError(f"Re-encryption {number} is no dry run, and would go on with changing rows.")
    return resume_reencryption(services, number).id
