"""`strongroom init`: from nothing to an installation that can make its first backup."""

import os
from pathlib import Path

import click

from strongroom.catalog.schema import upgrade as upgrade_catalog
from strongroom.cli.command import Command
from strongroom.cli.errors import ConfigExistsError
from strongroom.cli.invocation import Invocation
from strongroom.cli.screen import Screen
from strongroom.cli.template import TEMPLATE
from strongroom.errors import UnavailableError
from strongroom.keyring.errors import KeyFileError
from strongroom.keyring.key_file import KeyFile
from strongroom.replication.replacing import count_replicas, want_all_again
from strongroom.repository.access import create_repository
from strongroom.repository.layout import REPOSITORY_KEY
from strongroom.runtime import Runtime, build_runtime
from strongroom.settings import DEFAULT_FILE, ConfigNotWritableError, find_config, load_settings
from strongroom.storage.local import LocalStore


@click.command(
    "init",
    cls=Command,
    examples=("strongroom init", "strongroom init --upgrade", "strongroom init --upgrade --replace-region us-east-1"),
)
@click.option(
    "--upgrade", is_flag=True, help="Keep the configuration; make what is missing and bring the tables up to date."
)
@click.option(
    "--replace-region",
    "replaced",
    help="With --upgrade: this region is lost for good; start it empty and copy everything into it again.",
)
@click.pass_obj
def init(invocation: Invocation, *, upgrade: bool, replaced: str | None) -> None:
    """Write a configuration and the first key, prepare regions.

    Writes a commented strongroom.toml with three directories as regions, then makes the key file, the directories, the
    catalog and the repository. Never replaces a file.
    """
    env = invocation.environment()
    screen = invocation.screen
    if replaced and not upgrade:
        raise click.UsageError("--replace-region goes with --upgrade.")
    if upgrade:
        path = find_config(invocation.config, env)
    else:
        path = write_template(invocation.config or Path(env.get("STRONGROOM_CONFIG") or DEFAULT_FILE))
        screen.say(f"Wrote {path}.")
    runtime = build_runtime(load_settings(path, env))
    try:
        set_up(runtime, screen, replaced)
    finally:
        runtime.close()
    if screen.json:
        screen.document({"config": str(path), "key_file": str(runtime.settings.keyring.path)})


def write_template(path: Path) -> Path:
    """Write the commented configuration and return its absolute path.

    Raises ConfigExistsError and leaves an existing file as it is; raises ConfigNotWritableError.
    """
    try:
        path = path.absolute()
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(TEMPLATE)
    except FileExistsError:
        raise ConfigExistsError(
            f"{path} exists already; it was left as it is.",
            next_step="To set up what it describes: strongroom init --upgrade",
        ) from None
    except OSError as error:
        raise ConfigNotWritableError(
            f"The configuration file {path} cannot be made: {error.strerror}.",
            next_step="Run this in a directory that you may write to, or name another with --config.",
        ) from error
    return path


def set_up(runtime: Runtime, screen: Screen, replaced: str | None = None) -> None:
    """Make whatever the settings describe and is not there yet; doing it again changes nothing."""
    settings = runtime.settings
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.scratch_dir.mkdir(mode=0o700, exist_ok=True)
    _make_keys(runtime, screen)
    upgrade_catalog(runtime.catalog.engine)
    if replaced:
        count = want_all_again(runtime.services(), settings.get_region(replaced).name)
        screen.say(f"Region {replaced} starts empty; {count} backups will be copied into it again.")
    _make_directories(runtime, screen)
    answering = _probe_regions(runtime, screen)
    repository = create_repository(runtime.stores, runtime.keks, clock=runtime.clock, random=runtime.random)
    screen.say(f"Repository {repository.repo_id} is ready in {', '.join(answering)}.")


def _make_keys(runtime: Runtime, screen: Screen) -> None:
    settings = runtime.settings
    keks = [*(region.kek for region in settings.regions), settings.column_keys.kek]
    names = {kek.key for kek in keks if kek is not None and kek.provider == "local"}
    path = settings.keyring.path
    if not names:
        return
    if not path.exists():
        _verify_nothing_needs_lost_keys(runtime)
        _verify_folder(path)
        KeyFile.create(path, sorted(names), runtime.random)
        screen.warn(f"made the key file {path}. Keep a copy away from this machine: without it no backup can be read.")
        return
    key_file = KeyFile.load(path)
    for name in sorted(names - set(key_file.names())):
        key_file.add(name, runtime.random)
        screen.say(f"Added key {name} to {path}; renew the copy you keep of it.")


def _verify_nothing_needs_lost_keys(runtime: Runtime) -> None:
    """Refuse to make new keys where a region already holds a repository: they would open nothing in it."""
    for region, store in runtime.stores.items():
        try:
            found = store.find(REPOSITORY_KEY)
        except UnavailableError:
            continue
        if found is not None:
            path = runtime.settings.keyring.path
            raise KeyFileError(
                f"The key file {path} is missing, and region {region} holds a repository that needs it.",
                next_step=f"Put it back from {path.name}.copy, or from the copy you keep; nothing was changed.",
            )


def _verify_folder(path: Path) -> None:
    """Refuse to make the folder of the key file: it may be a disk that is not mounted, and the keys in it not gone."""
    if not path.parent.is_dir():
        raise KeyFileError(
            f"The folder {path.parent} of the key file {path.name} is not there.",
            next_step="Mount it; or, for new keys, make it with `mkdir -m 700`. Then run `strongroom init --upgrade`.",
        )


def _make_directories(runtime: Runtime, screen: Screen) -> None:
    """Make the directories of new regions; one that should hold backups and is not there stays missing.

    Made again, a disk that is not mounted would turn into an empty region.
    """
    for region, store in runtime.stores.items():
        if not isinstance(store, LocalStore) or store.is_prepared():
            continue
        held = count_replicas(runtime.services(), region)
        if held == 0:
            store.prepare()
            continue
        screen.warn(
            f"the directory of region {region} is missing, and {held} backups should be in it. Mount it; "
            f"if it is lost for good: strongroom init --upgrade --replace-region {region}"
        )


def _probe_regions(runtime: Runtime, screen: Screen) -> list[str]:
    """Return the regions that answer; those that are away are tried later.

    Refuses one on which two writers could both think that they committed.
    """
    answering = []
    for region, store in runtime.stores.items():
        try:
            evidence = store.probe().evidence
        except UnavailableError as error:
            screen.warn(f"region {region} does not answer: {error.what} Run `strongroom init --upgrade` when it does.")
        else:
            answering.append(region)
            screen.detail(f"Region {region} is safe to write to; copies in it are confirmed by {evidence}.")
    return answering
