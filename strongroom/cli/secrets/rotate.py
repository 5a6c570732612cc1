"""`strongroom secrets rotate`: a new version, known to every process before anything is written under it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from strongroom.audit.acting import describe
from strongroom.catalog.engine import open_engine
from strongroom.catalog.session import Catalog
from strongroom.cli.file_changes import changing_files
from strongroom.cli.invocation import Invocation
from strongroom.cli.secrets.command import SecretsCommand, dry_run_option, env_file_option, yes_option
from strongroom.cli.secrets.errors import NoInstallationError
from strongroom.cli.secrets.generate import header
from strongroom.cli.secrets.place import RingPlace, open_place, shown
from strongroom.cli.secrets.speaking import Speaker
from strongroom.clock import SystemClock, system_random
from strongroom.columnkeys.changes import KEY_BYTES, first_ring
from strongroom.columnkeys.changes import new_version as new_key_version
from strongroom.columnkeys.env_file import EnvCryptoFile
from strongroom.columnkeys.ring import KeyState, KeyVersion
from strongroom.rotation.key_versions import add_pending, plan_version, promote, wait_until_known
from strongroom.settings import Settings


@dataclass(frozen=True, slots=True)
class RotateOptions:
    """What a rotation shall do, as the command line says it."""

    key_bytes: int
    persist: bool
    dry_run: bool
    yes: bool
    wait: bool
    wait_seconds: int


@click.command(
    "rotate",
    cls=SecretsCommand,
    examples=(
        "strongroom secrets rotate",
        "strongroom secrets rotate --new-version v2-prod",
        "strongroom secrets rotate --dry-run",
    ),
)
@env_file_option
@click.option("--new-version", help="Name of the new version; by default the number after the highest.")
@click.option("--key-bytes", type=click.IntRange(32, 64), default=KEY_BYTES, show_default=True, help="Size of the key.")
@click.option(
    "--persist/--no-persist",
    default=True,
    show_default=True,
    help="Add it to the file; or write it to a file of its own, for a ring that environment variables carry.",
)
@dry_run_option
@yes_option
@click.option(
    "--wait/--no-wait",
    default=True,
    show_default=True,
    help="Wait until every live process knows the version before it is active; --no-wait is for a single process.",
)
@click.option(
    "--wait-seconds", type=click.IntRange(0), default=300, show_default=True, help="How long to wait for processes."
)
@click.pass_obj
def rotate(invocation: Invocation, /, env_file: Path | None, new_version: str | None, **options: Any) -> None:
    """Make a new version and write under it from now on.

    The version is made durable first, as pending; it becomes active when every live process reports that it knows it. A
    rotation that was interrupted goes on where it was when the command is run again.
    """
    speaker, place, wanted = Speaker.of(invocation), open_place(invocation, env_file), RotateOptions(**options)
    if wanted.persist:
        place.source.verify_may_change()
    name = plan_version(place.source.load(), new_version)
    speaker.line("New version: {version}", version=name)
    speaker.line("Persist: {answer}", answer=_yes_no(speaker, agreed=wanted.persist))
    speaker.line("Dry-run: {answer}", answer=_yes_no(speaker, agreed=wanted.dry_run))
    if wanted.dry_run:
        speaker.line("[DRY-RUN] Nothing was changed")
    elif not wanted.persist:
        _write_apart(invocation, place, name, wanted)
    else:
        _rotate(invocation, place, name, wanted)
    speaker.document({"version": name, "dry_run": wanted.dry_run, "persist": wanted.persist})


def _rotate(invocation: Invocation, place: RingPlace, name: str, wanted: RotateOptions) -> None:
    clock, speaker = SystemClock(), Speaker.of(invocation)
    if wanted.wait and place.installation is None:
        raise NoInstallationError(
            "There is no strongroom.toml, so nobody can say which processes use these keys.",
            next_step="Name one with --config; or say --no-wait, if a single process uses them.",
        )
    speaker.confirm("Create version '{version}' and make it active?", yes=wanted.yes, version=name)
    describe(reason=f"version {name}")
    with changing_files(invocation, place.file.path):
        version = add_pending(place.file, name, clock, wanted.key_bytes)
        if wanted.wait and place.installation is not None:
            _wait(place.installation, version, wanted.wait_seconds, speaker)
        promote(place.file, name, clock)
    speaker.line()
    speaker.line("[OK] New version '{version}' created and active", version=name)
    speaker.line("[OK] File '{file}' updated", file=place.shown)
    speaker.line()
    speaker.line("[NOTICE] Next steps:")
    speaker.line("   1. Run 'strongroom secrets reencrypt' to update existing data")
    speaker.line("   2. Follow the progress of the re-encryption")
    speaker.line("   3. Afterwards, remove old versions if you like")


def _wait(installation: Settings, version: KeyVersion, seconds: int, speaker: Speaker) -> None:
    catalog = Catalog(open_engine(installation.catalog_url.get_secret_value()))

    def tell(behind: Sequence[str]) -> None:
        speaker.line("Waiting for processes that do not know it yet: {names}", names=", ".join(behind))

    try:
        wait_until_known(catalog, version, SystemClock(), seconds, tell)
    finally:
        catalog.close()


def _write_apart(invocation: Invocation, place: RingPlace, name: str, wanted: RotateOptions) -> None:
    """Write the lines of a version that environment variables shall carry into a private file of its own."""
    speaker = Speaker.of(invocation)
    file = EnvCryptoFile(place.file.path.with_name(f"{place.file.path.name}.new_{name}"), place.file.wrapping)
    speaker.confirm("Write version '{version}' to '{file}'?", yes=wanted.yes, version=name, file=shown(file.path))
    made = new_key_version(name, KeyState.ACTIVE, SystemClock().now(), system_random, wanted.key_bytes)
    describe(reason=f"version {name}")
    with changing_files(invocation, file.path):
        file.create(first_ring(made), header(speaker))
    speaker.line()
    speaker.line("[OK] Version '{version}' written to '{file}'", version=name, file=shown(file.path))
    speaker.line("[NOTICE] Give its lines to every process; change ACTIVE_ENCRYPTION_VERSION only when all have them")


def _yes_no(speaker: Speaker, *, agreed: bool) -> str:
    return speaker.text("Yes" if agreed else "No")
