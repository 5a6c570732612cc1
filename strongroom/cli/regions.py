"""`strongroom regions`: where backups are kept, and whether those places can be relied on."""

from dataclasses import dataclass

import click

from strongroom.cli.command import Group
from strongroom.cli.invocation import Invocation
from strongroom.errors import ExitCode, StrongroomError
from strongroom.services import Services
from strongroom.settings import RegionSettings
from strongroom.storage.store import Capabilities, LockProof


@dataclass(frozen=True, slots=True)
class Finding:
    """What a region was found to do, or why it cannot be relied on."""

    region: RegionSettings
    found: Capabilities | None
    fault: str | None

    @property
    def is_safe(self) -> bool:
        """Say whether backups can be kept there as the settings ask."""
        return self.found is not None and self.found.lock is not LockProof.IGNORED


@click.group("regions", cls=Group)
def regions() -> None:
    """Show where backups are kept, and check those places."""


@regions.command("list", examples=("strongroom regions list", "strongroom regions list --json"))
@click.pass_obj
def list_regions(invocation: Invocation) -> None:
    """List the configured regions, the home region first."""
    configured = invocation.settings().regions
    if invocation.screen.json:
        invocation.screen.document({"items": [_document(region) for region in configured]})
        return
    rows = [(region.name, region.kind, _place(region), "home" if region.home else "") for region in configured]
    invocation.screen.table(("REGION", "KIND", "PLACE", ""), rows)


@regions.command("check", examples=("strongroom regions check", "strongroom regions check eu-west-1 --json"))
@click.argument("names", nargs=-1, metavar="[REGION]...")
@click.pass_obj
def check(invocation: Invocation, names: tuple[str, ...]) -> ExitCode:
    """Try on a canary object what each REGION, by default all, does.

    Whether only one of several writers can create an object, by what it shows that it holds the right bytes, whether it
    keeps versions, and whether it really keeps locked objects where the settings ask for locks. Ends with 4 when a
    region cannot be relied on.
    """
    settings = invocation.settings()
    wanted = [settings.get_region(name) for name in names] or list(settings.regions)
    with invocation.services() as services:
        findings = [_probe(services, region) for region in wanted]
    if invocation.screen.json:
        invocation.screen.document({"items": [_found_document(finding) for finding in findings]})
    else:
        columns = ("REGION", "VERDICT", "CREATES ONCE", "EVIDENCE", "VERSIONS", "LOCKS")
        invocation.screen.table(columns, [_row(finding) for finding in findings])
        for finding in findings:
            if finding.fault is not None:
                invocation.screen.warn(f"region {finding.region.name}: {finding.fault}")
    return ExitCode.OK if all(finding.is_safe for finding in findings) else ExitCode.UNHEALTHY


def _probe(services: Services, region: RegionSettings) -> Finding:
    try:
        return Finding(region, services.stores[region.name].probe(), None)
    except StrongroomError as error:
        return Finding(region, None, f"{error.what} {error.next_step}")


def _row(finding: Finding) -> tuple[str, ...]:
    found = finding.found
    if found is None:
        return finding.region.name, "NOT SAFE", "-", "-", "-", "-"
    verdict = "ok" if finding.is_safe else "NOT SAFE"
    versions = "kept" if found.versioned else "none"
    return finding.region.name, verdict, "yes", found.evidence.value, versions, found.lock.value


def _found_document(finding: Finding) -> dict[str, object]:
    found = finding.found
    return {
        "region": finding.region.name,
        "safe": finding.is_safe,
        "fault": finding.fault,
        "create_if_absent": found is not None and found.create_if_absent,
        "evidence": None if found is None else found.evidence.value,
        "versioned": found is not None and found.versioned,
        "lock": None if found is None else found.lock.value,
    }


def _document(region: RegionSettings) -> dict[str, object]:
    return {"name": region.name, "kind": region.kind, "place": _place(region), "home": region.home}


def _place(region: RegionSettings) -> str:
    if region.path is not None:
        return str(region.path)
    return f"s3://{region.bucket}/{region.prefix}".rstrip("/")
