"""`strongroom diff`: what changed between two backups."""

import click

from strongroom.backup.browsing import open_backup
from strongroom.backup.comparing import compare
from strongroom.backup.lookup import resolve_backup
from strongroom.cli.browsing import show_changes
from strongroom.cli.command import Command
from strongroom.cli.invocation import Invocation


@click.command(
    "diff",
    cls=Command,
    examples=("strongroom diff BEFORE latest:uploads", "strongroom diff BEFORE AFTER --region us-east-1 --json"),
)
@click.argument("before")
@click.argument("after")
@click.option("--region", help="Read from this region instead of the first that answers.")
@click.pass_obj
def diff(invocation: Invocation, before: str, after: str, region: str | None) -> None:
    """Show what differs between two backups of a source.

    BEFORE and AFTER are ids or latest:SOURCE. A line begins with + for what was added, - for what was removed, M for
    other content, U for other rights, owner or times only, and T for another kind of thing. No content is read.
    """
    with invocation.services() as services:
        with services.catalog.read() as session:
            ids = [resolve_backup(session, reference).id for reference in (before, after)]
        old, new = (open_backup(services, backup_id, region) for backup_id in ids)
        show_changes(compare(old, new), invocation.screen)
