"""How backups and verifications are shown."""

import uuid
from collections.abc import Sequence
from typing import Any

from strongroom.catalog.backup_queries import get_backup, get_verification, list_replicas
from strongroom.catalog.backups import Backup, BackupState, Medium, Replica, Verification
from strongroom.catalog.paging import Page
from strongroom.cli.documents import row_document
from strongroom.cli.errors import DamageFoundError
from strongroom.cli.figures import count, moment, size
from strongroom.cli.screen import Screen
from strongroom.errors import ExitCode
from strongroom.logs.human_lines import visible
from strongroom.services import Services

MOST_LINES = 20


def report_backup(services: Services, backup_id: uuid.UUID, screen: Screen, *, copied: bool) -> ExitCode:
    """Say what was backed up and where it is; `copied` says that its copies should be there already."""
    with services.catalog.read() as session:
        backup = get_backup(session, backup_id)
        replicas = list_replicas(session, backup_id)
    if screen.json:
        screen.event("summary", **backup_document(backup, replicas))
    else:
        screen.line(_summary(backup))
        _show_copies(backup, copied=copied, screen=screen)
    _show_problems(backup, screen)
    unprotected = copied and backup.protected_at is None
    if unprotected:
        screen.warn("not every region has its copy; the copies follow when the region answers and workers run.")
    return ExitCode.PARTIAL if backup.partial or unprotected else ExitCode.OK


def report_verification(services: Services, verification_id: uuid.UUID, screen: Screen) -> ExitCode:
    """Say what a verification found; raises DamageFoundError where the copy is damaged."""
    with services.catalog.read() as session:
        verification = get_verification(session, verification_id)
    if screen.json:
        screen.event("summary", **row_document(verification))
    else:
        screen.line(
            f"Backup {verification.backup_id} in {verification.region}: "
            f"{count(verification.objects, 'object')}, {size(verification.bytes)}, by {verification.evidence}."
        )
    if not verification.passed:
        raise _damage(verification)
    screen.say("Everything is there and whole.")
    return ExitCode.OK


def show_backups(page: Page[Backup], screen: Screen) -> None:
    """Print a page of backups."""
    if screen.json:
        documents = [row_document(backup) for backup in page.items]
        screen.document({"items": documents, "next_cursor": page.next_cursor})
        return
    rows = [
        (
            str(b.id),
            b.source,
            b.kind.value,
            describe_state(b),
            moment(b.created_at),
            f"{b.files:,}",
            size(b.source_bytes),
            size(b.stored_bytes),
            size(b.reused_bytes),
        )
        for b in page.items
    ]
    screen.table(("BACKUP", "SOURCE", "TYPE", "STATE", "CREATED", "#FILES", "#SIZE", "#NEW", "#REUSED"), rows)
    if page.next_cursor:
        screen.say(f"More with --cursor {page.next_cursor}")


def show_backup(backup: Backup, replicas: Sequence[Replica], screen: Screen) -> None:
    """Print everything about one backup."""
    if screen.json:
        screen.document(backup_document(backup, replicas))
        return
    facts = {
        "backup": str(backup.id),
        "source": f"{backup.source} ({backup.source_kind})",
        "type": backup.kind.value,
        "parent": "-" if backup.parent_id is None else str(backup.parent_id),
        "state": describe_state(backup),
        "policy": backup.policy,
        "created": moment(backup.created_at),
        "committed": moment(backup.committed_at),
        "protected": moment(backup.protected_at),
        "content": f"{count(backup.files, 'file')}, {size(backup.source_bytes)}",
        "stored": f"{size(backup.stored_bytes)} new, {size(backup.reused_bytes)} reused, in {backup.objects} objects",
        **{name: str(fact) for name, fact in backup.facts.items() if name not in {"parts", "snapshots"}},
    }
    for name, text in facts.items():
        screen.line(f"{name:<16}{text}")
    screen.line("")
    rows = [(r.region, r.state.value, r.evidence or "-", moment(r.confirmed_at), r.last_error or "") for r in replicas]
    screen.table(("REGION", "COPY", "EVIDENCE", "CONFIRMED", "LAST ERROR"), rows)
    if backup.medium is Medium.SNAPSHOT:
        _show_snapshots(backup, screen)
    _show_problems(backup, screen)


def _show_snapshots(backup: Backup, screen: Screen) -> None:
    held = backup.facts.get("snapshots", {})
    rows = [(region, part, snapshot) for region in backup.regions for part, snapshot in held.get(region, {}).items()]
    screen.line("")
    screen.table(("REGION", "OF", "SNAPSHOT"), rows)


def backup_document(backup: Backup, replicas: Sequence[Replica]) -> dict[str, Any]:
    """Return a backup and its copies as JSON has them."""
    copies = [row_document(replica) for replica in replicas]
    return row_document(backup) | {"partial": backup.partial, "replicas": copies}


def describe_state(backup: Backup) -> str:
    """Say where a backup stands, in as few words as tell the difference."""
    protected = backup.protected_at is not None and backup.state is BackupState.COMMITTED
    words = ["protected" if protected else backup.state.value]
    return ", ".join([*words, *(["partial"] if backup.partial else [])])


def _summary(backup: Backup) -> str:
    if backup.medium is Medium.SNAPSHOT:
        taken = f"{count(backup.objects, 'snapshot')}, {size(backup.source_bytes)}, in {backup.regions[0]}"
        return f"Backup {backup.id} of {backup.source} is {describe_state(backup)}: {taken}."
    return (
        f"Backup {backup.id} of {backup.source} is {describe_state(backup)}: {count(backup.files, 'file')}, "
        f"{size(backup.source_bytes)} ({size(backup.reused_bytes)} reused), "
        f"{size(backup.stored_bytes)} stored in {backup.regions[0]}."
    )


def _show_copies(backup: Backup, *, copied: bool, screen: Screen) -> None:
    others = ", ".join(backup.regions[1:])
    if others and backup.protected_at is not None:
        screen.say(f"Copies are in {others}.")
    elif others and not copied:
        screen.say(f"Copies to {others} follow; `strongroom status` shows them.")


def _show_problems(backup: Backup, screen: Screen) -> None:
    if not backup.partial:
        return
    screen.warn(f"{count(backup.problem_count, 'entry', 'entries')} of {backup.source} could not be backed up whole:")
    for problem in backup.problems[:MOST_LINES]:
        screen.say(f"  {visible(problem['path'])}: {problem['kind']}: {problem['reason']}")
    if backup.problem_count > MOST_LINES:
        screen.say(f"  and more: strongroom backup show {backup.id} --json")


def _damage(verification: Verification) -> DamageFoundError:
    found = [f"  {damage['key']}: {damage['message']}" for damage in verification.damage[:MOST_LINES]]
    return DamageFoundError(
        "\n".join(
            [f"The copy in {verification.region} is damaged: {count(len(verification.damage), 'fault')}.", *found]
        ),
        next_step="The service mends it from another region; `strongroom backup show` says when it is present again.",
    )
