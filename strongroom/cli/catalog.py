"""`strongroom catalog`: rebuild the catalog from the regions."""

from pathlib import Path

import click

from strongroom.catalog.schema import upgrade as upgrade_catalog
from strongroom.cli.command import Group
from strongroom.cli.documents import plain
from strongroom.cli.figures import count
from strongroom.cli.invocation import Invocation
from strongroom.cli.screen import Screen
from strongroom.cli.waiting import recovery_option
from strongroom.errors import ExitCode
from strongroom.retention.holding import holding_adopted
from strongroom.upkeep.rebuilding import RebuildReport, rebuild

BACKUPS_BETWEEN_LINES = 100


@click.group("catalog", cls=Group)
def catalog() -> None:
    """Rebuild the catalog from the regions."""


@catalog.command(
    "rebuild",
    examples=("strongroom catalog rebuild", "strongroom catalog rebuild --recovery-key-file kit.txt"),
)
@recovery_option
@click.pass_obj
def rebuild_command(invocation: Invocation, recovery_key_file: Path | None) -> ExitCode:
    """Find every backup that the regions, or snapshots in AWS, hold and write down what the catalog lacks.

    Needs the settings, one region, and the keys or the recovery key; an empty or missing catalog is made. Never removes
    anything, so it may be repeated, and run on a catalog in use. Every source of which it adopts a backup is held until
    somebody releases it. Ends with 3 when something could not be read.
    """
    screen = invocation.screen

    def show(done: int, total: int) -> None:
        if done % BACKUPS_BETWEEN_LINES == 0 or done == total:
            screen.say(f"{done:,} of {count(total, 'backup')} looked at.")

    with invocation.services(recovery_key_file) as services:
        services.settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        services.settings.scratch_dir.mkdir(mode=0o700, exist_ok=True)
        upgrade_catalog(services.catalog.engine)
        report = rebuild(services, on_adopted=holding_adopted(services), on_progress=show)
    _show(report, screen)
    return ExitCode.OK if report.complete else ExitCode.PARTIAL


def _show(report: RebuildReport, screen: Screen) -> None:
    if screen.json:
        screen.document(plain(report))
        return
    screen.line(
        f"{count(report.adopted, 'backup')} adopted, {report.known:,} known before, {report.retired:,} retired."
    )
    if report.adopted:
        screen.say("What was held or proven before is not known: nothing of the sources that were adopted is deleted")
        screen.say("until their holds are released. See: strongroom holds list")
    for unreadable in report.unreadable:
        screen.warn(f"{unreadable.region}: {unreadable.what} could not be read: {unreadable.message}")
