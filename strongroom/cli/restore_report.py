"""How restores and their plans are shown."""

import shlex
import uuid
from collections.abc import Sequence

from strongroom.backup.planning import RestorePlan
from strongroom.catalog.backup_queries import get_backup, get_restore
from strongroom.cli.documents import plain, row_document
from strongroom.cli.figures import count, moment, size
from strongroom.cli.screen import Screen
from strongroom.errors import ExitCode
from strongroom.logs.human_lines import visible
from strongroom.services import Services
from strongroom.sources.postgres.surveyed import Survey

MOST_LINES = 20
CHOSEN = {"paths": "only", "include": "only like", "exclude": "without"}


def report_plan(plan: RestorePlan, screen: Screen) -> ExitCode:
    """Print what a restore would do, with the command that does it; BUSY where it would fail, as that is known now."""
    if screen.json:
        screen.document(plain(plan))
    else:
        _show_plan(plan, screen)
    return ExitCode.BUSY if plan.found.obstacles else ExitCode.OK


def _show_plan(plan: RestorePlan, screen: Screen) -> None:
    facts = {
        "backup": f"{plan.backup_id} of {plan.source}, {moment(plan.created_at)}",
        "read from": plan.region,
        "write to": describe_target(plan.target),
        "content": f"{count(plan.files, 'file')}, {size(plan.bytes)}, from {count(plan.packs, 'object')}",
    }
    facts |= {spelled: ", ".join(plan.selection[name]) for name, spelled in CHOSEN.items() if plan.selection[name]}
    if plan.found.state:
        facts["target is"] = plan.found.state
    for name, text in facts.items():
        screen.line(f"{name:<12}{text}")
    _show_databases(plan.found.databases, screen)
    for warning in plan.warnings:
        screen.warn(warning)
    for obstacle in plan.found.obstacles:
        screen.warn(f"this restore would fail: {obstacle}")
    if not plan.found.obstacles:
        screen.say(f"To do it: strongroom restore run {plan.backup_id} --target {_spell_options(plan)}")


def _show_databases(found: Sequence[Survey], screen: Screen) -> None:
    if found:
        rows = [
            (
                one.database,
                one.target,
                one.state or "unknown",
                one.server_version or "unknown",
                f"{one.tables:,}",
                size(one.bytes),
            )
            for one in found
        ]
        screen.table(("DATABASE", "INTO", "IS", "SERVER", "#TABLES", "#DUMP"), rows)


def warn_if_partial(services: Services, backup_id: uuid.UUID, screen: Screen) -> None:
    """Say before a restore that the backup itself lacks something."""
    with services.catalog.read() as session:
        backup = get_backup(session, backup_id)
        missing = backup.problem_count
    if missing:
        entries = count(missing, "entry", "entries")
        screen.warn(
            f"the backup is partial: {entries} of {backup.source} could not be backed up whole. "
            f"See which: strongroom backup show {backup_id}"
        )


def report_restore(services: Services, restore_id: uuid.UUID, screen: Screen) -> ExitCode:
    """Say what was restored; PARTIAL when something could not be restored exactly."""
    with services.catalog.read() as session:
        restore = get_restore(session, restore_id)
    if screen.json:
        screen.event("summary", **row_document(restore))
    else:
        screen.line(
            f"Restored backup {restore.backup_id} from {restore.region} into {describe_target(restore.target)}: "
            f"{count(restore.files, 'file') if 'made' not in restore.target else 'made'}, {size(restore.bytes)}."
        )
        for part, made in restore.target.get("made", {}).items():
            screen.line(f"  {part}: {made}")
    if not restore.problem_count:
        return ExitCode.OK
    screen.warn(f"{count(restore.problem_count, 'entry', 'entries')} could not be restored exactly:")
    for problem in restore.problems[:MOST_LINES]:
        screen.say(f"  {visible(problem['path'])}: {problem['kind']}: {problem['reason']}")
    return ExitCode.PARTIAL


def _spell_options(plan: RestorePlan) -> str:
    words = [spell_target(plan.target)]
    for option, values in zip(("--path", "--include", "--exclude"), plan.selection.values(), strict=True):
        words += [word for value in values for word in (option, value)]
    return shlex.join(words)


def describe_target(target: dict[str, str]) -> str:
    """Say where a restore goes."""
    if target["kind"] in {"files", "s3", "log-group"}:
        return spell_target(target)
    if target["kind"] == "volume":
        return f"new volumes in {target['zone']}"
    if target["kind"] == "rds":
        return f"the new RDS database {target['database']}"
    return f"database {target['dbname']} on the server of {target['server']}"


def spell_target(target: dict[str, str]) -> str:
    """Spell a target as `--target` takes it."""
    if target["kind"] in {"volume", "rds"}:
        return target.get("zone") or target["database"]
    if target["kind"] == "s3":
        return f"s3://{target['bucket']}/{target['prefix']}"
    if target["kind"] == "log-group":
        return ":".join(filter(None, ("logs", target["group"], target["stream"])))
    return target["path"] if target["kind"] == "files" else f"{target['server']}/{target['dbname']}"
