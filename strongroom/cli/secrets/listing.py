"""`strongroom secrets list`: the versions, which is active, where they come from, and who still needs them."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from strongroom.catalog.engine import open_engine
from strongroom.catalog.session import Catalog
from strongroom.cli.figures import moment
from strongroom.cli.invocation import Invocation
from strongroom.cli.secrets.command import SecretsCommand, env_file_option
from strongroom.cli.secrets.place import RingPlace, open_place, shown
from strongroom.cli.secrets.speaking import Speaker
from strongroom.clock import SystemClock
from strongroom.columnkeys.ring import KeyRing, KeyState, KeyVersion
from strongroom.columnkeys.sources import ENVIRONMENT
from strongroom.errors import StrongroomError
from strongroom.rotation.references import count_references
from strongroom.rotation.usage import VersionUsage, describe_usage, is_due

Usage = Mapping[str, VersionUsage]


@click.command(
    "list",
    cls=SecretsCommand,
    examples=("strongroom secrets list", "strongroom secrets list --count"),
)
@env_file_option
@click.option("--count", is_flag=True, help="Count the rows of every registered column anew.")
@click.pass_obj
def list_versions(invocation: Invocation, env_file: Path | None, *, count: bool) -> None:
    """List the versions of the keys, show which is active, and who still needs the others.

    Rows are those of the last count of each registered column. Backups are those that may hold rows under a version;
    the key slots in regions are under the regions' own keys, which are not in this ring: see rotate-kek.
    """
    speaker, place = Speaker.of(invocation), open_place(invocation, env_file)
    ring = place.source.load()
    if count:
        with invocation.services() as services:
            count_references(services)
    usage = _find_usage(place, ring, speaker)
    speaker.line("Active version: {version}", version=ring.active)
    speaker.line()
    speaker.line("Available versions ({count}):", count=len(ring.versions))
    for name, version in ring.versions.items():
        speaker.line("  - {version}{note}", version=name, note=_note(speaker, version))
        for line in _usage_lines(speaker, usage.get(name)):
            speaker.line("      {line}", line=line)
    speaker.line()
    speaker.line("[INFO] Configuration loaded from:")
    for origin in place.source.origins():
        speaker.line("  - {origin}", origin=speaker.text(origin) if origin == ENVIRONMENT else shown(Path(origin)))
    due = is_due(ring, SystemClock().now(), place.column_keys.period_days)
    if due:
        days = place.column_keys.period_days
        speaker.warn("version {version} has been active for {days} days: rotate it.", version=ring.active, days=days)
    speaker.document(_document(ring, place, usage) | {"due": due})


def _find_usage(place: RingPlace, ring: KeyRing, speaker: Speaker) -> Usage:
    if place.installation is None:
        return {}
    catalog = Catalog(open_engine(place.installation.catalog_url.get_secret_value()))
    try:
        with catalog.read() as session:
            return describe_usage(session, place.column_keys, ring)
    except StrongroomError as error:
        speaker.warn("it is not shown who needs the versions: {reason}", reason=error.what)
        return {}
    finally:
        catalog.close()


def _usage_lines(speaker: Speaker, usage: VersionUsage | None) -> Iterator[str]:
    if usage is None:
        return
    for column in usage.rows:
        when = moment(column.counted_at) if column.counted_at else "-"
        yield speaker.text("{rows} rows of {place} (counted {when})", rows=column.rows, place=column.place, when=when)
    if usage.quarantined:
        yield speaker.text("{count} quarantined rows", count=usage.quarantined)
    if usage.writers:
        yield speaker.text("{count} live processes write under it", count=usage.writers)
    if usage.backups:
        yield speaker.text("{count} kept backups may hold rows under it", count=usage.backups)
    if usage.written_until and usage.rows:
        yield speaker.text("written under until {when}", when=moment(usage.written_until))


def _note(speaker: Speaker, version: KeyVersion) -> str:
    if version.state is KeyState.DECRYPT_ONLY:
        return ""
    return f" [{speaker.text(version.state.value).upper()}]"


def _document(ring: KeyRing, place: RingPlace, usage: Usage) -> dict[str, Any]:
    versions = [
        {
            "name": version.name,
            "state": version.state.value,
            "created": _iso(version.created),
            "changed": _iso(version.changed),
            "usage": _usage_document(usage.get(version.name)),
        }
        for version in ring.versions.values()
    ]
    origins = place.source.origins()
    return {"active": ring.active, "fingerprint": ring.fingerprint(), "versions": versions, "origins": origins}


def _usage_document(usage: VersionUsage | None) -> dict[str, Any] | None:
    if usage is None:
        return None
    rows = [{"place": c.place, "rows": c.rows, "counted_at": _iso(c.counted_at)} for c in usage.rows]
    return asdict(usage) | {"rows": rows, "written_until": _iso(usage.written_until)}


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
