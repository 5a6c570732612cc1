"""`strongroom alerts`: list, acknowledge, silence and resolve alerts, and test channels."""

from contextlib import nullcontext
from dataclasses import replace
from typing import TypedDict, Unpack

import click

from strongroom.alerts.acting import acknowledge, list_active, list_alerts, resolve_by_hand, tell_story
from strongroom.alerts.channel_status import list_channels
from strongroom.alerts.silences import (
    SilenceRequest,
    add_silence,
    end_silence,
    list_silences,
    turns_alerts_off,
    verify_silence,
)
from strongroom.audit.acting import describe, name_act
from strongroom.audit.events import AuditAction, digest
from strongroom.catalog.alerts import AlertState
from strongroom.catalog.dbtime import database_now
from strongroom.cli.actor import actor
from strongroom.cli.acts import only_looks
from strongroom.cli.alert_report import (
    read_matcher,
    show_alert,
    show_alerts,
    show_channels,
    show_silences,
    show_story,
    show_tests,
)
from strongroom.cli.command import Group, ValueOf
from strongroom.cli.deadlines import LengthOfTime
from strongroom.cli.invocation import Invocation
from strongroom.cli.operator_options import OperatorOptions, operator_options
from strongroom.cli.stepping_up import stepped_up
from strongroom.cli.waiting import paging_options
from strongroom.errors import ExitCode
from strongroom.ids import parse_id
from strongroom.stepup.acts import Act


class SilenceOptions(TypedDict):
    """What shall not be heard of, for how long, and why."""

    match: tuple[str, ...]
    seconds: int | None
    reason: str | None


@click.group("alerts", cls=Group)
def alerts() -> None:
    """List, acknowledge, silence, resolve alerts; test channels."""


@alerts.command("list", examples=("strongroom alerts list", "strongroom alerts list --all --source shop --json"))
@click.option("--all", "every", is_flag=True, help="Resolved ones too, newest first.")
@click.option("--state", type=ValueOf(AlertState), help="Only alerts in this state, newest first.")
@click.option("--source", help="Only alerts of this source.")
@paging_options
@click.pass_obj
def list_command(
    invocation: Invocation, state: AlertState | None, source: str | None, limit: int, cursor: str | None, *, every: bool
) -> None:
    """List what is wrong now, the worst first."""
    with invocation.services() as services, services.catalog.read() as session:
        if every or state is not None or cursor is not None:
            page = list_alerts(session, state=state, source=source, limit=limit, cursor=cursor)
            show_alerts(page.items, page.next_cursor, invocation.screen)
            return
        active = [alert for alert in list_active(session) if source in (None, alert.source)]
        show_alerts(active, None, invocation.screen)


@alerts.command("show", examples=("strongroom alerts show 0193a4c2-7b1e-7c5d-9f3a-2b6c8d1e4f70",))
@click.argument("alert_id", metavar="ALERT")
@click.pass_obj
def show(invocation: Invocation, alert_id: str) -> None:
    """Show ALERT, what happened to it and what was said about it."""
    with invocation.services() as services, services.catalog.read() as session:
        show_story(tell_story(session, parse_id(alert_id, "alert")), invocation.screen)


@alerts.command("ack", examples=("strongroom alerts ack 0193a4c2-7b1e-7c5d-9f3a-2b6c8d1e4f70",))
@click.argument("alert_id", metavar="ALERT")
@click.pass_obj
def ack(invocation: Invocation, alert_id: str) -> None:
    """Say that you see to ALERT: nothing more is said about it for 24 hours."""
    with invocation.services() as services:
        with services.catalog.begin() as session:
            alert = acknowledge(session, parse_id(alert_id, "alert"), actor(), database_now(session))
        show_alert(alert, invocation.screen)


@alerts.command(
    "silence",
    examples=(
        'strongroom alerts silence source=shop --for 2h --reason "server is being moved"',
        "strongroom alerts silence --list",
        "strongroom alerts silence --end 0193a4c2-7b1e-7c5d-9f3a-2b6c8d1e4f70",
    ),
)
@click.argument("match", metavar="[FIELD=PATTERN]...", nargs=-1)
@click.option("--for", "seconds", type=LengthOfTime(), metavar="TIME", help="How long, such as 2h; 7d at most.")
@click.option("--reason", help="Why, for those who find it.")
@click.option("--list", "listing", is_flag=True, help="Show the silences in force.")
@click.option("--end", "end_id", metavar="SILENCE", help="End a silence now.")
@operator_options
@click.pass_obj
def silence(
    invocation: Invocation,
    end_id: str | None,
    persons: OperatorOptions,
    *,
    listing: bool,
    **options: Unpack[SilenceOptions],
) -> None:
    """Hear nothing for a time about the alerts that match; checks go on.

    Fields are type, severity, cause, source, region, policy and id; a pattern may have * and ?. One that names none of
    them but type and severity turns alerts off, and asks for an operator's code where operators have any.
    """
    if not (listing or end_id):
        _begin_silence(invocation, options, persons)
    elif any(options.values()):
        raise click.UsageError("--list and --end go with nothing else.")
    if listing and not end_id:
        only_looks()
    with invocation.services() as services:
        if end_id:
            with services.catalog.begin() as session:
                end_silence(session, parse_id(end_id, "silence"), actor(), database_now(session))
        with services.catalog.read() as session:
            show_silences(list_silences(session, database_now(session)), invocation.screen)


@alerts.command("resolve", examples=('strongroom alerts resolve 0193a4c2-... --note "disk replaced"',))
@click.argument("alert_id", metavar="ALERT")
@click.option("--note", required=True, help="What was done, for those who look later.")
@click.pass_obj
def resolve(invocation: Invocation, alert_id: str, note: str) -> None:
    """End ALERT by hand; one whose cause is still there comes back."""
    with invocation.services() as services:
        with services.catalog.begin() as session:
            found = parse_id(alert_id, "alert")
            alert = resolve_by_hand(session, found, actor(), note, database_now(session))
        show_alert(alert, invocation.screen)


@alerts.command("test", examples=("strongroom alerts test --channel ops-mail", "strongroom alerts test --all"))
@click.option("--channel", "names", multiple=True, help="The channel; may be given several times.")
@click.option("--all", "every", is_flag=True, help="Every channel.")
@click.pass_obj
def test(invocation: Invocation, names: tuple[str, ...], *, every: bool) -> ExitCode:
    """Send a test through a channel now and say whether it was taken; ends with 4 if not, or if there is none."""
    # Imported here: nothing else of this group speaks to the network.
    from strongroom.alerts.sending import Sender
    from strongroom.alerts.trying import try_channel

    if every == bool(names):
        raise click.UsageError("Name the channels with --channel, or say --all.")
    with invocation.services() as services:
        sender = Sender(services.settings, invocation.environment(), services.clock)
        results = [try_channel(sender, name) for name in (names or services.settings.channels)]
    show_tests(results, invocation.screen)
    if not results:
        invocation.screen.warn("No channel is in the settings, so nobody hears of failures: name one, docs/alerts.md.")
    return ExitCode.OK if results and all(result.taken for result in results) else ExitCode.UNHEALTHY


@alerts.command("channels", examples=("strongroom alerts channels",))
@click.pass_obj
def channels(invocation: Invocation) -> None:
    """Show the channels and how each has done lately."""
    with invocation.services() as services, services.catalog.read() as session:
        show_channels(list_channels(session, services.settings), invocation.screen)


def _begin_silence(invocation: Invocation, options: SilenceOptions, persons: OperatorOptions) -> None:
    seconds, reason = options["seconds"], options["reason"]
    if seconds is None or reason is None:
        raise click.UsageError("Say for how long (--for 2h) and why (--reason).")
    request = SilenceRequest(read_matcher(options["match"]), reason, float(seconds), actor())
    verify_silence(request)
    wish = {"matcher": dict(request.matcher), "seconds": seconds}
    name_act(AuditAction.MONITOR_DISABLED)
    describe(f"silence {sorted(request.matcher.items())}", reason=reason, after=digest(wish))
    act, off = Act("alerts.mute", "alerts"), turns_alerts_off(request.matcher)
    with (
        invocation.services() as services,
        stepped_up(invocation, services, act, persons) if off else nullcontext(actor()) as by,
        services.catalog.begin() as session,
    ):
        add_silence(session, replace(request, by=by), database_now(session))
