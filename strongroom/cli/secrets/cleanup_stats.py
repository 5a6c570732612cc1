"""`strongroom secrets cleanup-stats`: what removals of versions did."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from strongroom.cli.invocation import Invocation
from strongroom.cli.secrets.command import SecretsCommand, env_file_option
from strongroom.cli.secrets.place import open_place
from strongroom.cli.secrets.speaking import Speaker
from strongroom.columnkeys.errors import OperationNotFoundError
from strongroom.columnkeys.record import KeyRecord


@click.command(
    "cleanup-stats",
    cls=SecretsCommand,
    examples=(
        "strongroom secrets cleanup-stats",
        "strongroom secrets cleanup-stats --operation-id cleanup_20241015_143022_a1b2",
    ),
)
@click.option("--operation-id", help="Only this operation, with every line of it.")
@env_file_option
@click.pass_obj
def cleanup_stats(invocation: Invocation, operation_id: str | None, env_file: Path | None) -> None:
    """Show what removals of versions did, from the record beside the file; the chain of the record is checked."""
    speaker, place = Speaker.of(invocation), open_place(invocation, env_file)
    record = KeyRecord(place.file.path)
    entries = record.entries() if operation_id is None else record.of_operation(operation_id)
    if operation_id is not None and not entries:
        raise OperationNotFoundError(
            f"The record has no operation {operation_id[:64]!r}.",
            next_step="List them: strongroom secrets cleanup-stats",
        )
    speaker.line("Operations: {count}", count=len({entry["operation"] for entry in entries}))
    for entry in entries:
        if operation_id is not None or entry["event"] not in {"started", "removed"}:
            speaker.line("  - {entry}", entry=_shown(speaker, entry))
    removed = sum(len(entry["versions"]) for entry in entries if entry["event"] == "removed")
    speaker.line("Versions removed: {count}", count=removed)
    speaker.document({"entries": entries, "versions_removed": removed})


def _shown(speaker: Speaker, entry: Mapping[str, Any]) -> str:
    versions = ", ".join(entry.get("versions", ())) or "-"
    parts = [entry["at"], entry["operation"], speaker.text(str(entry["event"])), versions, str(entry.get("error", ""))]
    return "  ".join(part for part in parts if part)
