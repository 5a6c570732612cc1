"""What `strongroom retention` prints about plans, runs and receipts."""

from collections.abc import Sequence
from typing import Any

from strongroom.catalog.retention import Expiry
from strongroom.cli.figures import count, moment
from strongroom.cli.screen import Screen
from strongroom.errors import ExitCode
from strongroom.repository.shredding import read_receipt
from strongroom.retention.deciding import explain
from strongroom.retention.planning import SourcePlan
from strongroom.retention.reporting import expiry_document
from strongroom.services import Services


def show_plans(plans: Sequence[SourcePlan], screen: Screen, *, every: bool) -> None:
    """Print source by source what goes and what is in the way, with `every` also what stays and why."""
    if not plans:
        screen.say("There are no backups yet.")
    for plan in plans:
        kept = sum(bool(one.reasons) for one in plan.decisions)
        blocked = sum(bool(one.blocks) for one in plan.decisions)
        screen.line(
            f"{plan.source} ({plan.policy}): {count(kept, 'backup')} kept, {len(plan.going)} to go, {blocked} blocked"
        )
        rows = [
            (str(one.candidate.id), moment(one.candidate.created_at), _verdict(one.goes, one.blocks), _why(one))
            for one in plan.decisions
            if every or not one.reasons
        ]
        if rows:
            screen.table(("BACKUP", "MADE", "", "WHY"), rows)
        said = explain(plan)
        if said is not None:
            screen.warn(f"{said[0]} {said[1]}")


def show_sweep(result: dict[str, Any], screen: Screen) -> ExitCode:
    """Print what a run did, and end with 3 when something is left to do in some region."""
    partial = bool(result.get("regions_missed") or result.get("retained_until"))
    if screen.json:
        screen.event("summary", **result)
        return ExitCode.PARTIAL if partial else ExitCode.OK
    verb = "expired" if result["applied"] else "to go"
    screen.line(f"{result['backups']} backups looked at, {result['expired']} {verb}.")
    for source in result["sources"]:
        if source["trouble"]:
            screen.warn(f"{source['trouble']['message']} {source['trouble']['next_step']}")
    if not result["applied"]:
        return ExitCode.OK
    screen.line(f"{count(result['shredded'], 'backup')} without any key now, {result['unfinished']} not finished.")
    for region, why in result["regions_missed"].items():
        screen.warn(f"region {region}: {why} The next run goes on there.")
    for backup, until in result["retained_until"].items():
        screen.say(f"{backup}: retained until {until}")
    return ExitCode.PARTIAL if partial else ExitCode.OK


def show_expiry(services: Services, expiry: Expiry, screen: Screen) -> ExitCode:
    """Print what became of an expired backup's keys; a receipt is verified first."""
    receipt = None
    if expiry.receipt is not None:
        signed = expiry.receipt.encode()
        receipt = read_receipt(services.open_repository(), signed, expiry.source, expiry.backup_id)
    with services.catalog.read() as session:
        document = expiry_document(session, expiry)
    if screen.json:
        screen.document(document)
        return ExitCode.OK if receipt else ExitCode.PARTIAL
    screen.line(f"Backup {expiry.backup_id} of {expiry.source} expired {moment(expiry.decided_at)}: {expiry.reason}")
    rows = [
        (one["region"], one["state"], str(one["slots"]), str(one["retained_until"] or one["last_error"] or ""))
        for one in document["regions"]
    ]
    screen.table(("REGION", "STATE", "#KEY SLOTS", ""), rows)
    for region in receipt.regions if receipt else ():
        for slot in region.slots:
            screen.line(f"  {region.region}  {slot.key}  {slot.version or '-'}")
    if receipt and receipt.not_reached:
        screen.warn(f"{', '.join(receipt.not_reached)} held a copy and was not in the settings any more.")
    screen.say("The receipt's signature holds." if receipt else "There is no receipt yet: a region still holds a key.")
    return ExitCode.OK if receipt else ExitCode.PARTIAL


def _verdict(goes: bool, blocks: Sequence[Any]) -> str:  # noqa: FBT001 - two words of one table
    return "goes" if goes else "blocked" if blocks else "stays"


def _why(one: Any) -> str:
    return "; ".join(why.value for why in (*one.reasons, *one.blocks)) or "nothing keeps it"
