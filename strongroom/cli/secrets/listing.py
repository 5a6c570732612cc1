"""`strongroom secrets list`: the versions, which is active, where they come from, and who still needs them."""

from pathlib import Path
from typing import Any

import click

from strongroom.catalog.engine import open_engine
from strongroom.catalog.session import Catalog
from strongroom.cli.invocation import Invocation
from strongroom.cli.secrets.command import SecretsCommand, env_file_option
from strongroom.cli.secrets.list_usage import Known, iso, show_key_slots, usage_document, usage_lines
from strongroom.cli.secrets.place import RingPlace, open_place, shown
from strongroom.cli.secrets.speaking import Speaker
from strongroom.clock import SystemClock
from strongroom.columnkeys.ring import KeyRing, KeyState, KeyVersion
from strongroom.columnkeys.sources import ENVIRONMENT
from strongroom.errors import StrongroomError
from strongroom.rotation.key_slots import as_document, count_key_slots, describe_key_slots
from strongroom.rotation.references import count_references
from strongroom.rotation.usage import describe_usage, is_due, list_worn


@click.command(
    "list",
    cls=SecretsCommand,
    examples=("strongroom secrets list", "strongroom secrets list --count"),
)
@env_file_option
@click.option("--count", is_flag=True, help="Count the rows of every registered column and the key slots anew.")
@click.pass_obj
def list_versions(invocation: Invocation, env_file: Path | None, *, count: bool) -> None:
    """List the versions of the keys, show which is active, and who still needs the others.

    Rows and key slots are those of the last count. Backups are those that may hold rows under a version. Key slots of
    backups are under the regions' own keys, so they are shown by region and by the versions of these: see rotate-kek.
    """
    speaker, place = Speaker.of(invocation), open_place(invocation, env_file)
    ring = place.source.load()
    if count:
        _count(invocation, speaker)
    known = _find_known(place, ring, speaker)
    speaker.line("Active version: {version}", version=ring.active)
    speaker.line()
    speaker.line("Available versions ({count}):", count=len(ring.versions))
    for name, version in ring.versions.items():
        speaker.line("  - {version}{note}", version=name, note=_note(speaker, version))
        for line in usage_lines(speaker, version, known.usage.get(name)):
            speaker.line("      {line}", line=line)
    show_key_slots(speaker, known.slots)
    speaker.line()
    speaker.line("[INFO] Configuration loaded from:")
    for origin in place.source.origins():
        speaker.line("  - {origin}", origin=speaker.text(origin) if origin == ENVIRONMENT else shown(Path(origin)))
    due = is_due(ring, SystemClock().now(), place.column_keys.period_days)
    if due:
        days = place.column_keys.period_days
        speaker.warn("version {version} has been active for {days} days: rotate it.", version=ring.active, days=days)
    for worn in known.worn:
        speaker.warn(
            "version {version} has encrypted very many rows of {place}: rotate it.", version=ring.active, place=worn
        )
    speaker.document(_document(ring, place, known) | {"due": due or bool(known.worn)})


def _count(invocation: Invocation, speaker: Speaker) -> None:
    with invocation.services() as services:
        for reason in count_references(services).unscanned:
            speaker.warn("not every column was counted: {reason}", reason=reason)
        for region, reason in count_key_slots(services).items():
            speaker.warn("the key slots of region {region} were not counted: {reason}", region=region, reason=reason)


def _find_known(place: RingPlace, ring: KeyRing, speaker: Speaker) -> Known:
    if place.installation is None:
        return Known()
    catalog = Catalog(open_engine(place.installation.catalog_url.get_secret_value()))
    try:
        with catalog.read() as session:
            slots = describe_key_slots(session, [region.name for region in place.installation.regions])
            return Known(describe_usage(session, place.column_keys, ring), slots, list_worn(session, ring))
    except StrongroomError as error:
        speaker.warn("it is not shown who needs the versions: {reason}", reason=error.what)
        return Known()
    finally:
        catalog.close()


def _note(speaker: Speaker, version: KeyVersion) -> str:
    if version.state is KeyState.DECRYPT_ONLY:
        return ""
    return f" [{speaker.text(version.state.value).upper()}]"


def _document(ring: KeyRing, place: RingPlace, known: Known) -> dict[str, Any]:
    versions = [
        {
            "name": version.name,
            "state": version.state.value,
            "created": iso(version.created),
            "changed": iso(version.changed),
            "usage": usage_document(known.usage.get(version.name)),
        }
        for version in ring.versions.values()
    ]
    return {
        "active": ring.active,
        "fingerprint": ring.fingerprint(),
        "versions": versions,
        "key_slots": [as_document(region) for region in known.slots],
        "origins": place.source.origins(),
    }
