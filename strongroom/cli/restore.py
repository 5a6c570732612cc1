"""`strongroom restore`: look at what a restore would do, and do it."""

from typing import TypedDict, Unpack

import click

from strongroom.backup.lookup import resolve_backup
from strongroom.backup.planning import plan_restore
from strongroom.backup.requests import RestoreRequest, request_restore
from strongroom.cli.command import Group
from strongroom.cli.dispatch import await_job, trace_id_of
from strongroom.cli.invocation import Invocation
from strongroom.cli.restore_report import report_restore, show_plan
from strongroom.cli.targets import read_target
from strongroom.cli.waiting import Waiting, waiting_options
from strongroom.errors import ExitCode
from strongroom.services import Services

TARGET_HELP = "A directory; or DATABASE, or SOURCE/DATABASE for one on another source's server."


class RestoreOptions(TypedDict):
    """The options that say what a restore does."""

    target: str | None
    region: str | None
    overwrite: bool
    confirm: str | None


@click.group("restore", cls=Group)
def restore() -> None:
    """Plan and run restores."""


@restore.command(
    "plan",
    examples=(
        "strongroom restore plan latest:uploads",
        "strongroom restore plan latest:shop --target shop_copy --region us-east-1",
    ),
)
@click.argument("backup")
@click.option("--target", help=TARGET_HELP)
@click.option("--region", help="Read from this region instead of the first that answers.")
@click.pass_obj
def plan(invocation: Invocation, backup: str, target: str | None, region: str | None) -> None:
    """Show what restoring BACKUP, an id or latest:SOURCE, would do; writes nothing."""
    with invocation.services() as services:
        options = RestoreOptions(target=target, region=region, overwrite=False, confirm=None)
        show_plan(plan_restore(services, _request(services, backup, options)), invocation.screen)


@restore.command(
    "run",
    examples=(
        "strongroom restore run latest:uploads --target /srv/restored",
        "strongroom restore run latest:shop --target shop_copy",
        "strongroom restore run latest:shop --target shop --overwrite --confirm shop",
    ),
)
@click.argument("backup")
@click.option("--target", required=True, help=TARGET_HELP)
@click.option("--region", help="Read from this region instead of the first that answers.")
@click.option("--overwrite", is_flag=True, help="Replace what the target holds; needs --confirm.")
@click.option("--confirm", metavar="NAME", help="The target's name, to show that it is meant.")
@waiting_options
@click.pass_obj
def run(invocation: Invocation, backup: str, waiting: Waiting, **options: Unpack[RestoreOptions]) -> ExitCode:
    """Restore BACKUP, an id or latest:SOURCE, into an empty or absent target.

    Ends with 3 when something could not be restored exactly.
    """
    with invocation.services() as services:
        restore = request_restore(services, _request(services, backup, options))
        job = services.ledger.get(restore.id)
        if not await_job(services, job, waiting, invocation.screen):
            return ExitCode.OK
        return report_restore(services, restore.id, invocation.screen)


def _request(services: Services, backup: str, options: RestoreOptions) -> RestoreRequest:
    with services.catalog.read() as session:
        found = resolve_backup(session, backup)
    return RestoreRequest(
        backup=str(found.id),
        region=options["region"],
        target=read_target(found, options["target"]),
        overwrite=options["overwrite"],
        confirm=options["confirm"],
        idempotency_key=None,
        trace_id=trace_id_of(services),
    )
