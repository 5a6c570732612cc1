"""`strongroom audit`: who did what, and whether that is still what was written."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from strongroom.audit.breaks import accept
from strongroom.audit.events import LOG_ITSELF, AuditAction, AuditEvent, Outcome
from strongroom.audit.reporting import audit_document, check_document, lost_document
from strongroom.audit.verifying import AuditLog, Checked
from strongroom.catalog.audit import AuditFilter, AuditRow, list_audit, list_audit_after
from strongroom.catalog.paging import MAX_LIMIT
from strongroom.cli.acts import leave_at_once
from strongroom.cli.command import Group, ValueOf
from strongroom.cli.figures import count, moment
from strongroom.cli.following import SECONDS_BETWEEN_LOOKS
from strongroom.cli.invocation import Invocation
from strongroom.cli.operator_options import OperatorOptions, operator_options
from strongroom.cli.screen import Screen
from strongroom.cli.stepping_up import stepped_up
from strongroom.clock import SystemClock
from strongroom.errors import ExitCode
from strongroom.services import Services
from strongroom.stepup.acts import Act

_AGO = re.compile(r"\A(\d{1,6})(min|h|d)\Z")
_UNITS = {"min": "minutes", "h": "hours", "d": "days"}


class Since(click.ParamType[datetime]):
    """A moment: `90min`, `12h`, `7d` ago, or a date or time as ISO 8601 writes it, in UTC where it has no offset."""

    name = "since"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the moment; raises BadParameter."""
        if isinstance(value, datetime):
            return value
        if (ago := _AGO.match(value)) is not None:
            return SystemClock().now() - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        try:
            read = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is none of 90min, 12h, 7d, 2026-11-22, 2026-11-22T05:49:15Z.", param, ctx)
        return read if read.tzinfo else read.replace(tzinfo=UTC)


@click.group("audit", cls=Group)
def audit() -> None:
    """Show who did what, and check that nobody changed that."""


@audit.command(
    "tail",
    examples=(
        "strongroom audit tail --follow",
        "strongroom audit tail --since 24h --actor ana --json",
        "strongroom audit tail --action authn_login_fail --limit 100",
    ),
)
@click.option("--follow", is_flag=True, help="Go on with what happens from now on.")
@click.option("--since", type=Since(), metavar="WHEN", help="Only from then on: 90min, 12h, 7d, or a date or time.")
@click.option("--actor", help="Only what this one did: the name or id of an account or token, USER@HOST.")
@click.option("--action", help="Only acts of this name.")
@click.option("--target", help="Only acts on this.")
@click.option("--outcome", type=ValueOf(Outcome), help="Only acts that ended so.")
@click.option("--request", "request_id", metavar="ID", help="Only rows of this request.")
@click.option("--trace", "trace_id", metavar="ID", help="Only rows of this trace.")
@click.option(
    "--limit", type=click.IntRange(1, MAX_LIMIT), default=20, show_default=True, help="Most rows to begin with."
)
@click.pass_obj
def tail(invocation: Invocation, /, limit: int, *, follow: bool, **wanted: Any) -> None:
    """Print the newest rows, the oldest of them first; in JSON one object on a line each."""
    screen, only = invocation.screen, AuditFilter(**wanted)
    with invocation.services() as services:
        with services.catalog.read() as session:
            page = list_audit(session, only, limit=limit)
        _show(list(reversed(page.items)), screen)
        leave_at_once(services.catalog, AuditEvent(AuditAction.SENSITIVE_READ, LOG_ITSELF, reason=only.words))
        if follow:
            _follow(services, only, page.items[0].sequence if page.items else 0, screen)


def _follow(services: Services, only: AuditFilter, last: int, screen: Screen) -> None:
    # Rows become visible in their order, as one transaction at a time may append.
    while True:
        services.clock.sleep(SECONDS_BETWEEN_LOOKS)
        with services.catalog.read() as session:
            rows = list_audit_after(session, only, last, MAX_LIMIT)
        _show(rows, screen)
        last = rows[-1].sequence if rows else last


def _show(rows: Sequence[AuditRow], screen: Screen) -> None:
    for row in rows:
        if screen.json:
            screen.event("audit", **audit_document(row))
        else:
            screen.line(_line(row))


def _line(row: AuditRow) -> str:
    who = f"{row.actor_name} ({row.address})" if row.address else row.actor_name
    ends = [row.outcome] + [row.reason] * bool(row.reason)
    asked = [] if row.operation in ("", row.action) else [f"[{row.operation}]"]
    words = [f"{row.sequence:>7}", moment(row.at), who, row.action, row.target, ": ".join(ends), *asked]
    return "  ".join(word for word in words if word)


@audit.command("verify", examples=("strongroom audit verify", "strongroom audit verify --new --json"))
@click.option("--new", is_flag=True, help="Only rows after the newest head that a region has kept; takes an instant.")
@click.pass_obj
def verify(invocation: Invocation, *, new: bool) -> ExitCode:
    """Check every row against the one before it, and the end of the log against what the regions have kept.

    Ends with 15 when something was changed, and says which row is the first; with 3 when a region does not answer.
    """
    with invocation.services() as services:
        log = AuditLog(services.catalog, services.purpose_keys, services.stores)
        checked = log.check_new() if new else log.check_whole()
    _report(checked, invocation.screen)
    checked.verify()
    return ExitCode.PARTIAL if checked.kept.away else ExitCode.OK


@audit.command(
    "accept",
    examples=('strongroom audit accept 48213.9f2c1e7a40b3d586 --reason "catalog of 2026-11-20 put back" --as ana',),
)
@click.argument("head")
@click.option("--reason", required=True, help="Why rows are gone; it is kept in the log for ever.")
@operator_options
@click.pass_obj
def accept_command(invocation: Invocation, head: str, reason: str, persons: OperatorOptions) -> None:
    """Accept that rows up to HEAD are gone, as after an older catalog was put back.

    HEAD is as `audit verify` names it. Checks the whole log first, and refuses where anything else is wrong with it.
    What was accepted, by whom and why, is a row of the log, and `audit verify` goes on naming it.
    """
    with invocation.services() as services:
        log = AuditLog(services.catalog, services.purpose_keys, services.stores)
        with stepped_up(invocation, services, Act("audit.accept", head), persons) as by:
            lost = accept(log, services.clock, head, reason=reason, by=by)
    if invocation.screen.json:
        invocation.screen.document({"items": [lost_document(one) for one in lost]})
        return
    invocation.screen.line(f"{count(len(lost), 'end')} of the log accepted as gone; audit verify goes on naming it.")


def _report(checked: Checked, screen: Screen) -> None:
    for region, error in checked.kept.away.items():
        screen.warn(f"region {region} was not compared: {error.what}")
    for stray in checked.strays:
        screen.warn(stray)
    document = check_document(checked)
    if screen.json:
        screen.document(document)
        return
    screen.line(f"{count(checked.rows, 'row')} checked; the log ends with row {document['sequence']}.")
    kept = [(one["region"], str(one["kept_sequence"]), one["kept_on"]) for one in document["regions"] if one["kept_on"]]
    if kept:
        screen.table(("REGION", "#KEPT ROW", "ON"), kept)
    elif checked.finding is None:
        screen.warn("no region has kept the end of this log yet, so rows that were cut off at the end do not show")
    _show_breaks(document, screen)
    for one in document["regions"]:
        if one["other_chains"]:
            screen.warn(f"region {one['region']} knows {count(one['other_chains'], 'other audit log')}: docs/audit.md")


def _show_breaks(document: dict[str, Any], screen: Screen) -> None:
    gone = [
        (one["lost"]["head"], str(one["row"]), moment(datetime.fromisoformat(one["at"])), one["by"], one["reason"])
        for one in document["accepted"]
    ]
    if gone:
        screen.table(("GONE UP TO", "#ACCEPTED IN ROW", "AT", "BY", "REASON"), gone)
    for one in document["lost"]:
        screen.warn(f"a region has kept the end {one['head']} of this log, which is gone")
