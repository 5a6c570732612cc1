"""`strongroom verify`: check everything that regions hold."""

from typing import Any

import click

from strongroom.catalog.region_verifications import RegionLevel
from strongroom.cli.command import Command, ValueOf
from strongroom.cli.deadlines import deadline_option
from strongroom.cli.dispatch import await_job, trace_id_of
from strongroom.cli.figures import count, size
from strongroom.cli.invocation import Invocation
from strongroom.cli.screen import Screen
from strongroom.cli.waiting import Waiting, waiting_options
from strongroom.errors import ExitCode
from strongroom.upkeep.verifying import RegionVerificationRequest, request_region_verification

EVERY_REGION = "all"
MOST_LINES = 20


@click.command(
    "verify",
    cls=Command,
    examples=(
        "strongroom verify",
        "strongroom verify --region us-east-1 --level sample",
        "strongroom verify --level data --here",
    ),
)
@click.option("--region", default=EVERY_REGION, show_default=True, help="The region to check.")
@click.option(
    "--level",
    type=ValueOf(RegionLevel),
    default=RegionLevel.PRESENCE,
    help="Ask for sizes and checksums (presence), read the packs unread for longest (sample), or read all (data).",
)
@deadline_option
@waiting_options
@click.pass_obj
def verify(invocation: Invocation, region: str, level: RegionLevel, deadline: int | None, waiting: Waiting) -> ExitCode:
    """Check everything that a region should hold.

    What is missing or wrong makes the copies that need it count as damaged; they are mended from another region by the
    service or by `strongroom repair`. Ends with 15 when something is.
    """
    worst = ExitCode.OK
    with invocation.services() as services:
        for name in list(services.stores) if region == EVERY_REGION else [region]:
            request = RegionVerificationRequest(name, level, None, trace_id_of(services), deadline)
            job = services.ledger.get(request_region_verification(services, request).id)
            if await_job(services, job, waiting, invocation.screen):
                worst = max(worst, _show(services.ledger.get(job.id).result or {}, invocation.screen))
    return worst


def _show(result: dict[str, Any], screen: Screen) -> ExitCode:
    if screen.json:
        screen.event("summary", **result)
    else:
        screen.line(
            f"{result['region']}: {count(result['backups'], 'backup')}, {count(result['objects'], 'pack')}, "
            f"{size(result['bytes'])}, by {result['evidence']}; "
            f"{count(result['damaged_backups'], 'backup')} damaged."
        )
        for found in result["damage"][:MOST_LINES]:
            screen.line(f"  backup {found['backup']}: {found['key']}: {found['message']}")
        if result["damage"]:
            screen.say(f"Mend them now: strongroom repair --all --region {result['region']}")
    return ExitCode.OK if result["passed"] else ExitCode.INTEGRITY
