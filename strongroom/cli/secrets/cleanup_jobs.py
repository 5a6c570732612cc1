"""`strongroom secrets cleanup-jobs`: forget re-encryptions that are long over or stalled."""

import click

from strongroom.cli.invocation import Invocation
from strongroom.cli.secrets.command import SecretsCommand, dry_run_option, yes_option
from strongroom.cli.secrets.speaking import Speaker
from strongroom.rotation.cleaning import apply_cleanup, plan_cleanup


@click.command(
    "cleanup-jobs",
    cls=SecretsCommand,
    examples=(
        "strongroom secrets cleanup-jobs --dry-run",
        "strongroom secrets cleanup-jobs --finished-older-than 30 --stalled-older-than 14 --yes",
    ),
)
@click.option(
    "--finished-older-than", type=click.IntRange(0), default=7, show_default=True, help="Days since they ended."
)
@click.option(
    "--stalled-older-than", type=click.IntRange(0), default=7, show_default=True, help="Days without a sign of life."
)
@dry_run_option
@yes_option
@click.pass_obj
def cleanup_jobs(
    invocation: Invocation, finished_older_than: int, stalled_older_than: int, *, dry_run: bool, yes: bool
) -> None:
    """Remove re-encryptions that have ended, or stalled, long ago.

    Stalled ones are cancelled first. Quarantined rows stay on record: their tokens are still there.
    """
    speaker = Speaker.of(invocation)
    days = {"finished_days": finished_older_than, "stalled_days": stalled_older_than}
    with invocation.services() as services:
        with services.catalog.begin() as session:
            plan = plan_cleanup(session, **days)
        speaker.line(
            "Finished jobs older than {days} days: {count}", days=finished_older_than, count=len(plan.finished)
        )
        speaker.line("Stalled jobs older than {days} days: {count}", days=stalled_older_than, count=len(plan.stalled))
        found = len(plan.finished) + len(plan.stalled)
        if found and not dry_run:
            speaker.confirm("Remove {count} jobs?", yes=yes, count=found)
            with services.catalog.begin() as session:
                apply_cleanup(session, plan)
    if dry_run:
        speaker.line("[OK] Dry run complete! Nothing was changed.")
    else:
        speaker.line("[OK] Jobs removed: {count}", count=found)
    speaker.document({"finished": plan.finished, "stalled": plan.stalled, "dry_run": dry_run})
