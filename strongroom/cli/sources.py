"""`strongroom sources`: what is configured to be backed up, and whether AWS lets it be."""

from typing import TYPE_CHECKING

import click

from strongroom.cli.command import Group
from strongroom.cli.documents import plain
from strongroom.cli.figures import count
from strongroom.cli.invocation import Invocation
from strongroom.cli.screen import Screen
from strongroom.errors import ExitCode
from strongroom.settings import SourceSettings, TreeSourceSettings
from strongroom.settings.findings import is_secret

if TYPE_CHECKING:
    from strongroom.cloud.checking import CheckReport


@click.group("sources", cls=Group)
def sources() -> None:
    """List what is backed up; check its permissions in AWS."""


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


@sources.command("check", examples=("strongroom sources check disks", "strongroom sources check shop --json"))
@click.argument("source", metavar="NAME")
@click.pass_obj
def check(invocation: Invocation, source: str) -> ExitCode:
    """Ask AWS for every permission that the source NAME needs, in every region, and name those that are missing.

    Changes nothing. Ends with 13 when one is missing, with 3 when AWS does not tell of one or something else is wrong.
    """
    from strongroom.cloud.checking import check_source

    settings = invocation.settings()
    report = check_source(settings, settings.get_source(source))
    if invocation.screen.json:
        invocation.screen.document(plain(report))
    else:
        _show(report, invocation.screen)
    if report.missing:
        return ExitCode.NOT_ALLOWED
    return ExitCode.PARTIAL if report.unknown or report.troubles else ExitCode.OK


def _show(report: "CheckReport", screen: Screen) -> None:
    rows = [(one.permission, one.region, one.answer.upper(), one.why) for one in (*report.missing, *report.unknown)]
    if rows:
        screen.table(("PERMISSION", "REGION", "ANSWER", "WHY"), rows)
    for trouble in report.troubles:
        screen.line(f"Warning: {trouble}")
    allowed = len(report.findings) - len(rows)
    screen.line(
        f"{report.identity}: {allowed} of {count(len(report.findings), 'permission')} of {report.source} allowed."
    )
    if report.missing:
        screen.say("Grant them as in docs/aws.md. Policies of KMS keys are not asked about: look at them as well.")
    if report.unknown:
        screen.say(
            "Not everything can be tried. To have AWS tell, allow iam:SimulatePrincipalPolicy on the role or user."
        )


def place(source: SourceSettings) -> str:
    """Say in a few words what a source is."""
    if isinstance(source, TreeSourceSettings):
        return str(source.path)
    return source.place
