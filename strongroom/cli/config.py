"""`strongroom config`: check the configuration, or show what is in force."""

import re
from collections.abc import Iterator
from typing import Any

import click

from strongroom.cli.command import Group
from strongroom.cli.figures import count
from strongroom.cli.invocation import Invocation
from strongroom.settings import ConfigError, Mistake, Settings, find_config, load_settings
from strongroom.settings.findings import spell
from strongroom.settings.ignored import find_ignored
from strongroom.settings.overlaps import find_overlaps
from strongroom.settings.unset_secrets import find_unset_secrets

_PASSWORD = re.compile(r"://([^:/@]*):.*@")


@click.group("config", cls=Group)
def config() -> None:
    """Check or show the configuration."""


@config.command("check", examples=("strongroom config check", "strongroom config check --config other.toml --json"))
@click.pass_obj
def check(invocation: Invocation) -> None:
    """Report every mistake of the configuration, each with its line, and warn of what is hardly meant."""
    env = invocation.environment()
    screen = invocation.screen
    path = find_config(invocation.config, env)
    try:
        settings = load_settings(path, env)
    except ConfigError as error:
        if screen.json:
            screen.document({"config": str(path), "mistakes": [_mistake_document(m) for m in error.mistakes]})
        raise
    warnings = [*find_overlaps(settings), *find_unset_secrets(settings, env), *find_ignored(env)]
    if screen.json:
        screen.document({"config": str(path), "mistakes": [], "warnings": warnings})
    else:
        for warning in warnings:
            screen.warn(warning)
        screen.line(
            f"{path} is in order: {count(len(settings.regions), 'region')} (home is {settings.home.name}), "
            f"{count(len(settings.sources), 'source')}, {count(len(settings.channels), 'channel')} of alerts."
        )


@config.command("show", examples=("strongroom config show", "strongroom config show --json"))
@click.pass_obj
def show(invocation: Invocation) -> None:
    """Show all settings in force, secrets hidden.

    Defaults and what the environment says are included.
    """
    document = describe(invocation.settings())
    if invocation.screen.json:
        invocation.screen.document(document)
        return
    for line in toml_lines(document):
        invocation.screen.line(line)


def describe(settings: Settings) -> dict[str, Any]:
    """Return the settings without their secrets: a secret is shown as asterisks, an address without its password."""
    document = settings.model_dump(mode="json", exclude_none=True)
    document["catalog_url"] = mask_password(settings.catalog_url.get_secret_value())
    document["broker"]["url"] = mask_password(settings.broker.address)
    for group in ("regions", "sources", "policies", "databases", "standbys", "channels", "pings"):
        tables = document[group] if isinstance(document[group], list) else document[group].values()
        document[group] = {table.pop("name"): table for table in tables}
    for group in ("encryptors", "peers") if settings.skip else ():
        document["skip"][group] = {table.pop("name"): table for table in document["skip"][group].values()}
    return document


def mask_password(address: str) -> str:
    """Return an address with asterisks where its password is, and without its query, which may hold one too."""
    return _PASSWORD.sub(r"://\1:**********@", address).partition("?")[0]


def toml_lines(table: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[str]:
    """Write nested tables as TOML, plain values before tables."""
    for name, value in table.items():
        if not isinstance(value, dict):
            yield f"{name} = {spell(value)}"
    for name, value in table.items():
        if isinstance(value, dict):
            if any(not isinstance(inner, dict) for inner in value.values()):
                yield f"\n[{'.'.join((*path, name))}]"
            yield from toml_lines(value, (*path, name))


def _mistake_document(mistake: Mistake) -> dict[str, Any]:
    return {"line": mistake.line, "place": mistake.place, "what": mistake.what, "instead": mistake.instead}
