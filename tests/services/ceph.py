"""A Ceph cluster in memory: one monitor, one object store daemon, run by an ordinary user on loopback."""

import pwd
import shutil
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.services.ports import LOOPBACK, ReservedPort
from tests.services.processes import Server, ServiceStartError, make_private_directory, unprivileged_account

PROGRAMS = ("ceph", "ceph-authtool", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")
PROGRAM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
COMMAND_SECONDS = 60.0

# Every reason that is not plain: cephx, because without it radosgw waits for ever; a short paxos interval, because each
# new pool otherwise waits a second for the next vote of the only monitor; no gateway cache, because a gateway that was
# killed would hold up every change of a bucket for 30 s, until its watch on that cache has lapsed.
SETTINGS = """\
[global]
fsid = {fsid}
mon_host = {address}
mon_initial_members = a
public_addr = {host}
cluster_addr = {host}
ms_bind_msgr1 = false
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
keyring = {directory}/keyring
run_dir = {directory}
admin_socket =
crash_dir = {directory}
log_file =
log_to_stderr = true
err_to_stderr = true
mon_data = {directory}/mon
mon_data_avail_crit = 0
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 2000
paxos_propose_interval = 0.05
paxos_min_wait = 0.01
osd_data = {directory}/osd
osd_objectstore = memstore
memstore_device_bytes = 4294967296
osd_class_dir = {classes}
osd_crush_chooseleaf_type = 0
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
osd_pool_default_pgp_num = 8
osd_pool_default_pg_autoscale_mode = off
rgw_rados_pool_pg_num_min = 1
rgw_cache_enabled = false
"""

CAPABILITIES = {
    "mon.": ("mon", "allow *"),
    "client.admin": ("mon", "allow *", "osd", "allow *", "mgr", "allow *"),
    "osd.0": ("mon", "allow profile osd", "osd", "allow *", "mgr", "allow profile osd"),
}


def missing_programs() -> list[str]:
    """Return the Ceph programs that are needed here and not installed."""
    return [name for name in PROGRAMS if shutil.which(name, path=PROGRAM_PATH) is None]


def _class_directory() -> Path:
    # The packaged default is relative to the working directory, where nothing is.
    for directory in sorted(Path("/usr").glob("lib*/**/rados-classes")):
        return directory
    raise ServiceStartError("Ceph's object classes (rados-classes) are not installed below /usr/lib.")


@dataclass(frozen=True)
class Cluster:
    """A cluster by its directory; every process of it has that as its working directory."""

    directory: Path

    @property
    def account(self) -> pwd.struct_passwd | None:
        """The user the cluster runs as, or None for the one who runs the tests."""
        return unprivileged_account()

    @property
    def environment(self) -> Mapping[str, str]:
        """What tells every Ceph program which cluster is meant."""
        return {"CEPH_CONF": str(self.directory / "ceph.conf"), "PATH": PROGRAM_PATH}

    def run(self, *argv: str) -> str:
        """Run a Ceph program to its end and return what it printed; raises ServiceStartError."""
        account = self.account
        answer = subprocess.run(
            argv,
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
        )
        if answer.returncode != 0:
            raise ServiceStartError(f"{' '.join(argv[:4])} failed: {answer.stderr.strip()[-1000:]}")
        return answer.stdout

    def server(self, name: str, *argv: str) -> Server:
        """Describe one of the cluster's processes."""
        return Server(name, argv, self.directory, self.environment, self.account)


def start_cluster(directory: Path) -> Cluster:
    """Make and start a cluster in the new `directory`; raises ServiceStartError."""
    cluster = Cluster(directory)
    for path in (directory, directory / "mon", directory / "osd"):
        make_private_directory(path, cluster.account)
    port, fsid = ReservedPort(), str(uuid.uuid4())
    address = f"[v2:{LOOPBACK}:{port.number}]"
    _write_settings(directory, fsid, address)
    _make_keys(cluster)
    _start_monitor(cluster, fsid, address)
    port.release()
    _start_object_store(cluster)
    return cluster


def _write_settings(directory: Path, fsid: str, address: str) -> None:
    classes = _class_directory()
    settings = SETTINGS.format(fsid=fsid, address=address, host=LOOPBACK, directory=directory, classes=classes)
    (directory / "ceph.conf").write_text(settings)


def _make_keys(cluster: Cluster) -> None:
    cluster.run("ceph-authtool", "--create-keyring", "keyring")
    for entity, capabilities in CAPABILITIES.items():
        pairs = zip(capabilities[::2], capabilities[1::2], strict=True)
        options = [word for kind, rule in pairs for word in ("--cap", kind, rule)]
        cluster.run("ceph-authtool", "keyring", "--gen-key", "-n", entity, *options)


def _start_monitor(cluster: Cluster, fsid: str, address: str) -> None:
    cluster.run("monmaptool", "--create", "--addv", "a", address, "--fsid", fsid, "monmap")
    cluster.run("ceph-mon", "--mkfs", "-i", "a", "--monmap", "monmap", "--keyring", "keyring")
    cluster.server("mon", "ceph-mon", "-f", "-i", "a").start(lambda: _monitor_answers(cluster))


def _monitor_answers(cluster: Cluster) -> bool:
    try:
        return "a" in cluster.run("ceph", "--connect-timeout", "2", "mon", "stat")
    except ServiceStartError:
        return False


def _start_object_store(cluster: Cluster) -> None:
    identity = str(uuid.uuid4())
    cluster.run("ceph", "osd", "new", identity)
    cluster.run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", identity)
    osd = cluster.server("osd", "ceph-osd", "-f", "-i", "0")
    osd.start(lambda: "1 up" in cluster.run("ceph", "osd", "stat"))
    cluster.run("ceph", "osd", "require-osd-release", _release(cluster))


def _release(cluster: Cluster) -> str:
    """Return the release's name, the last but one word of "ceph version 16.2.15 (...) pacific (stable)"."""
    return cluster.run("ceph-osd", "--version").split()[-2]
