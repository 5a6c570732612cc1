"""`strongroom sources`: what is configured to be backed up."""

import click

from strongroom.cli.command import Group
from strongroom.cli.documents import plain
from strongroom.cli.invocation import Invocation
from strongroom.settings import SourceSettings, TreeSourceSettings
from strongroom.settings.findings import is_secret


@click.group("sources", cls=Group)
def sources() -> None:
    """List what is backed up."""


@sources.command("list", examples=("strongroom sources list", "strongroom sources list --json"))
@click.pass_obj
def list_sources(invocation: Invocation) -> None:
    """List the configured sources."""
    settings = invocation.settings()
    screen = invocation.screen
    if screen.json:
        documents = [
            plain(source.model_dump(exclude=_secrets(source))) | {"regions": settings.regions_of(source.policy)}
            for source in settings.sources.values()
        ]
        screen.document({"items": documents})
        return
    rows = [
        (source.name, source.kind, place(source), source.policy, ", ".join(settings.regions_of(source.policy)))
        for source in settings.sources.values()
    ]
    screen.table(("SOURCE", "KIND", "WHAT", "POLICY", "REGIONS"), rows)
    if not rows:
        screen.say(f"No sources yet: add one to {settings.path}.")


def _secrets(source: SourceSettings) -> set[str]:
    return {name for name, field in type(source).model_fields.items() if is_secret(field)}


def place(source: SourceSettings) -> str:
    """Say in a few words what a source is."""
    if isinstance(source, TreeSourceSettings):
        return str(source.path)
    return source.place
