"""`strongroom collect`: find and delete what no backup needs."""

from typing import Any

import click

from strongroom.cli.command import Command
from strongroom.cli.dispatch import await_job, trace_id_of
from strongroom.cli.figures import count, size
from strongroom.cli.invocation import Invocation
from strongroom.cli.screen import Screen
from strongroom.cli.waiting import Waiting, waiting_options
from strongroom.retention.collecting import CollectionRequest, request_collection

EVERY_REGION = "all"
MOST_LINES = 20


class Percentage(click.ParamType[int]):
    """A whole number from 0 to 100, with or without the sign."""

    name = "percentage"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number; raises BadParameter."""
        return int(click.IntRange(0, 100)(str(value).removesuffix("%"), param, ctx))


@click.command(
    "collect",
    cls=Command,
    examples=(
        "strongroom collect",
        "strongroom collect --region us-east-1 --apply",
        "strongroom collect --apply --max-share 40% --here",
    ),
)
@click.option("--region", default=EVERY_REGION, show_default=True, help="The region to look at.")
@click.option("--apply", is_flag=True, help="Delete what was found; without it nothing is deleted.")
@click.option(
    "--max-share", type=Percentage(), help="Delete at most this part of a region's packs; by default as configured."
)
@waiting_options
@click.pass_obj
def collect(invocation: Invocation, region: str, max_share: int | None, waiting: Waiting, *, apply: bool) -> None:
    """Find what no backup needs; with --apply, delete it.

    Every object is named with the reason. What a session in progress has written stays, and so does everything where
    something cannot be read.
    """
    with invocation.services() as services:
        for name in list(services.stores) if region == EVERY_REGION else [region]:
            request = CollectionRequest(name, apply, max_share, None, trace_id_of(services))
            job = request_collection(services, request)
            if await_job(services, job, waiting, invocation.screen):
                _show(services.ledger.get(job.id).result or {}, invocation.screen)


def _show(result: dict[str, Any], screen: Screen) -> None:
    if screen.json:
        screen.event("summary", **result)
        return
    verb = "deleted" if result["applied"] else "to delete"
    screen.line(
        f"{result['region']}: {count(result['objects'], 'object')} {verb}, {size(result['bytes'])} "
        f"({result['share_percent']} % of the packs); {count(result['live_backups'], 'live backup')}, "
        f"{count(result['open_sessions'], 'open session')}."
    )
    for found in result["garbage"][:MOST_LINES]:
        screen.line(f"  {found['key']}  {size(found['bytes'])}  {found['why']}")
    if result["objects"] > MOST_LINES:
        screen.say("  and more: --json names them.")
    if result["retained"]:
        screen.say(f"  {count(result['retained'], 'object')} retained until {result['retained_until']} at the latest.")
    if result["objects"] and not result["applied"]:
        screen.say("Nothing was deleted; --apply deletes it.")
