"""A key provider on this machine: `up` brings both faces and their workers, `down` takes them away."""

import os
import shutil
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from stack.installation import Installation
from stack.lifecycle import down, states, up
from strongroom.clock import SystemClock
from strongroom.settings import load_settings
from tests.e2e.providers import make_sites
from tests.services.ports import LOOPBACK, ReservedPort

pytestmark = pytest.mark.slow

CONFIG = """
[worker]
grace_seconds = 1
[api]
port = {api}
[metrics]
port = {metrics}
[flower]
port = {flower}
[regions.here]
path = "regions/here"
"""
clock = SystemClock()


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """The first of two sites; its files are where `strongroom peers join` puts them."""
    (site, _), ports = make_sites(tmp_path / "sites")
    ports += [ReservedPort(), ReservedPort(), ReservedPort()]
    made = Installation(tmp_path / "site")
    made.make_directories()
    shutil.copytree(site / "skip", made.directory / "skip")
    shutil.copytree(site / "encryptors", made.directory / "encryptors")
    base = CONFIG.format(api=ports[-1].number, flower=ports[-2].number, metrics=ports[-3].number)
    made.config.write_text(base + (site / "skip.toml").read_text())
    yield made
    down(made, clock)
    for port in ports:
        port.release()


def client(shown: Path, authority: str) -> httpx.Client:
    """Return what asks a face; `shown` is the path of a certificate and its key without their endings."""
    context = ssl.create_default_context(cafile=shown.with_name(authority))
    context.load_cert_chain(f"{shown}.pem", f"{shown}.key")
    return httpx.Client(verify=context, trust_env=False, timeout=10)


def test_both_faces_and_their_workers_come_up_and_go_down(installation: Installation) -> None:
    skip = load_settings(installation.config, {}).require_skip()

    stack = up(installation, os.environ, clock, lambda _: None)

    with stack.client() as operator:
        alive = {process["name"].split("@")[0] for process in operator.get("/v1/status").json()["processes"]}
    assert alive >= {"encryptor-face", "peer-face", "keysync", "keyfill"}
    assert {state.state for state in states(installation)} == {"RUNNING"}
    with client(installation.directory / "encryptors" / "fw-lisbon", "encryptor-ca.pem") as encryptor:
        capabilities = encryptor.get(f"https://{LOOPBACK}:{skip.encryptor_face.port}/capabilities").json()
    assert capabilities["remoteSystemID"] == ["porto"]
    # This site's own certificate is of the authority, and not a peer's: it is heard and refused.
    with client(installation.directory / "skip" / "peer", "peer-ca.pem") as peer:
        assert peer.get(f"https://{LOOPBACK}:{skip.peer_face.port}/status/health").status_code == 400

    pids = [state.pid for state in states(installation)]
    assert down(installation, clock)

    for port in (skip.encryptor_face.port, skip.peer_face.port):
        with socket.socket() as trying:
            assert trying.connect_ex((LOOPBACK, port)) != 0
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []
