"""Checks between sections: names that must exist, regions that must be apart."""

from collections.abc import Collection, Mapping
from typing import Any

from strongroom.settings.aws import EbsSourceSettings, RdsSourceSettings, SnapshotSourceSettings
from strongroom.settings.findings import Findings, suggest
from strongroom.settings.regions import RegionSettings
from strongroom.settings.retention import PolicySettings
from strongroom.settings.sources import SourceSettings


def check_home(regions: Mapping[str, Any], findings: Findings) -> None:
    """Note where the home region is missing or named twice; `regions` are the tables as written."""
    homes = [name for name, table in regions.items() if isinstance(table, dict) and table.get("home") is True]
    for name in homes[1:]:
        findings.add(
            ("regions", name, "home"), f"Region {homes[0]} is the home region already.", "Keep one of the two."
        )
    if not regions:
        findings.add(("regions",), "There is no region.", 'Add one: `[regions.NAME]` with `path = "..."`.')
    elif not homes and len(regions) > 1:
        findings.add(("regions",), "None of the regions is the home region.", "Write `home = true` in one of them.")


def check_apart(regions: Collection[RegionSettings], findings: Findings) -> None:
    """Note regions that are the same place: losing it would lose both copies."""
    places: dict[tuple[object, ...], str] = {}
    for region in regions:
        place = (region.path, region.endpoint, region.bucket, region.prefix)
        other = places.setdefault(place, region.name)
        if other != region.name:
            what = f"This is the same place as region {other}, so that both copies would be one."
            findings.add(("regions", region.name, "path" if region.path else "bucket"), what, "Give each its own.")


def check_policies(
    policies: Collection[PolicySettings], regions: Collection[str], home: str | None, findings: Findings
) -> None:
    """Note policies that name regions which do not exist, or leave out the home region."""
    for policy in policies:
        path = ("policies", policy.name, "regions")
        for index, name in enumerate(policy.regions or ()):
            if name not in regions:
                findings.add((*path, index), f"There is no region {name}.", suggest(name, regions, "Regions"))
        if policy.regions is not None and home is not None and home not in policy.regions:
            findings.add(path, "Backups are written to the home region first.", f"Add {home} to the list.")


def check_sources(sources: Collection[SourceSettings], policies: Collection[str], findings: Findings) -> None:
    """Note sources whose policy does not exist."""
    for source in sources:
        if source.policy not in policies:
            path = ("sources", source.name, "policy")
            findings.add(path, f"There is no policy {source.policy}.", suggest(source.policy, policies, "Policies"))


def check_snapshot_sources(
    sources: Collection[SourceSettings],
    regions: Collection[RegionSettings],
    policies: Mapping[str, PolicySettings],
    findings: Findings,
) -> None:
    """Note sources of snapshots whose region does not exist, is not in their policy, or says no AWS region."""
    by_name = {region.name: region for region in regions}
    for source in sources:
        if isinstance(source, EbsSourceSettings | RdsSourceSettings):
            wanted = policies[source.policy].regions if source.policy in policies else None
            _check_region(source, by_name, wanted, findings)
            _check_places(source, [r for r in regions if wanted is None or r.name in wanted], findings)


def _check_places(source: SnapshotSourceSettings, regions: Collection[RegionSettings], findings: Findings) -> None:
    for region in regions:
        if region.aws is None:
            findings.add(
                ("sources", source.name, "policy"),
                f"Region {region.name} of the policy does not say where in AWS snapshots are kept.",
                f'Write `[regions.{region.name}.aws]` with `kms_key = "..."`, or another policy.',
            )


def _check_region(
    source: SnapshotSourceSettings,
    regions: Mapping[str, RegionSettings],
    wanted: Collection[str] | None,
    findings: Findings,
) -> None:
    if source.region is None:
        return
    path = ("sources", source.name, "region")
    if source.region not in regions:
        findings.add(path, f"There is no region {source.region}.", suggest(source.region, regions, "Regions"))
    elif wanted is not None and source.region not in wanted:
        findings.add(path, f"Policy {source.policy} leaves this region out.", "Snapshots begin where the source is.")
