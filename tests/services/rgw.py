"""Three Ceph realms as three regions of a real S3 store: nothing is shared between them but the disks."""

import secrets
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.services.ceph import Cluster, missing_programs, start_cluster
from tests.services.ports import LOOPBACK, ReservedPort
from tests.services.processes import Server
from tests.services.requirement import service_is_missing
from tests.services.s3 import REGION_NAMES, S3Region
from tests.services.sharing import regions_started_once


@dataclass(frozen=True)
class Gateway(S3Region):
    """A region as one gateway process shows it. Stopping the gateway takes the region away; its data stay."""

    server: Server
    reserved_port: ReservedPort

    def start(self) -> None:
        """Start the gateway on the same address as before and wait until it answers."""
        self.server.start(self.answers)

    def stop(self) -> None:
        """End the gateway at once, in the middle of whatever it does."""
        self.server.kill()


def _place(region: str) -> list[str]:
    return [f"--rgw-{level}={region}" for level in ("realm", "zonegroup", "zone")]


def _make_region(cluster: Cluster, name: str) -> S3Region:
    access_key, secret_key = secrets.token_hex(10).upper(), secrets.token_hex(20)
    user = ["--uid=tests", "--display-name=tests", f"--access-key={access_key}", f"--secret-key={secret_key}"]
    realm, zonegroup, zone = _place(name)
    for command in (
        ["realm", "create", realm],
        ["zonegroup", "create", realm, zonegroup, f"--api-name={name}", "--master"],
        ["zone", "create", realm, zonegroup, zone, "--master"],
        ["period", "update", "--commit", realm, zonegroup, zone],
        ["user", "create", realm, zonegroup, zone, *user],
    ):
        cluster.run("radosgw-admin", *command)
    return S3Region(name, "", access_key, secret_key)


def _gateway(cluster: Cluster, region: S3Region, label: str) -> Gateway:
    port = ReservedPort()
    frontend = f"--rgw-frontends=beast endpoint={LOOPBACK}:{port.number}"
    argv = ["radosgw", "-f", "--no-mon-config", "-n", "client.admin", *_place(region.name), frontend]
    server = cluster.server(f"rgw-{region.name}-{label}", *argv)
    endpoint = f"http://{LOOPBACK}:{port.number}"
    return Gateway(region.name, endpoint, region.access_key, region.secret_key, server, port)


def _start_gateways(cluster: Cluster, regions: Iterable[S3Region], label: str) -> list[Gateway]:
    gateways = [_gateway(cluster, region, label) for region in regions]
    with ThreadPoolExecutor(len(gateways)) as pool:
        list(pool.map(Gateway.start, gateways))
    return gateways


def _start_regions(directory: Path) -> list[S3Region]:
    cluster = start_cluster(directory)
    # A first command makes Ceph's default zone before there is a realm that would adopt it as a second master.
    cluster.run("radosgw-admin", "user", "list")
    regions = [_make_region(cluster, name) for name in REGION_NAMES]
    gateways = _start_gateways(cluster, regions, "shared")
    return [S3Region(each.name, each.endpoint, each.access_key, each.secret_key) for each in gateways]


@pytest.fixture(scope="session")
def rgw_regions(run_directory: Path) -> dict[str, S3Region]:
    """Three regions by name, home first; shared by all workers, always up: every test makes its own buckets."""
    missing = missing_programs()
    if missing:
        service_is_missing(f"Ceph is not complete, {', '.join(missing)} not found: run tests/install-services.")
    directory = run_directory / "ceph"
    return regions_started_once(directory, lambda: _start_regions(directory))


@pytest.fixture
def rgw_gateways(rgw_regions: dict[str, S3Region], run_directory: Path) -> Iterator[dict[str, Gateway]]:
    """The same three regions through gateways of the test's own, each of which it may stop and start again."""
    gateways = _start_gateways(Cluster(run_directory / "ceph"), rgw_regions.values(), secrets.token_hex(4))
    yield {gateway.name: gateway for gateway in gateways}
    for gateway in gateways:
        gateway.stop()
        gateway.reserved_port.release()
