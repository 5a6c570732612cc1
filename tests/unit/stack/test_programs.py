"""Which processes an installation has: those of a key provider only where it is one."""

import socket
from pathlib import Path

import pytest

from stack.errors import PortTakenError
from stack.installation import Installation
from stack.programs import HEARTBEATS, WITH_KEYS, programs
from stack.readiness import Stack, verify_ports_free
from strongroom.settings import Settings, load_settings

BASE = '[api]\nport = {api}\n[metrics]\nport = {metrics}\n[flower]\nport = {flower}\n[regions.eu]\npath = "eu"\n'
SKIP = """
[skip]
system_id = "KP-A"
[skip.encryptor_face]
plain_http = true
port = {port}
[skip.peer_face]
port = {peer}
"""
SECRETS = {"STRONGROOM_FLOWER_PASSWORD": "password"}


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listening.getsockname()[1] for listening in sockets]
    for listening in sockets:
        listening.close()
    return ports


def settings(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "strongroom.toml"
    path.write_text(text)
    return load_settings(path, SECRETS)


def test_a_key_provider_has_its_faces_and_its_worker(tmp_path: Path) -> None:
    api, flower, port, peer, metrics = free_ports(5)
    plain = settings(tmp_path, BASE.format(api=api, flower=flower, metrics=metrics))
    provider = settings(
        tmp_path, BASE.format(api=api, flower=flower, metrics=metrics) + SKIP.format(port=port, peer=peer)
    )

    names = [{program.name for program in programs(Installation(tmp_path), one)} for one in (plain, provider)]

    assert names[1] - names[0] == WITH_KEYS == {"worker-keysync", "worker-keyfill", "encryptor-face", "peer-face"}
    assert set(Stack.of(plain, "token").heartbeats) == set(HEARTBEATS) - WITH_KEYS
    assert set(Stack.of(provider, "token").heartbeats) == set(HEARTBEATS)
    assert Stack.of(plain, "token").faces == ()
    assert ("peers", f"127.0.0.1:{peer}") in Stack.of(provider, "token").faces


@pytest.mark.parametrize("taken", [2, 3])
def test_a_port_of_a_face_that_is_taken_is_named_before_anything_starts(tmp_path: Path, taken: int) -> None:
    ports = free_ports(5)
    api, flower, port, peer, metrics = ports
    provider = settings(
        tmp_path, BASE.format(api=api, flower=flower, metrics=metrics) + SKIP.format(port=port, peer=peer)
    )

    with socket.create_server(("127.0.0.1", ports[taken])), pytest.raises(PortTakenError, match=str(ports[taken])):
        verify_ports_free(provider)


def test_a_face_may_listen_on_an_address_of_ipv6(tmp_path: Path) -> None:
    api, flower, port, peer, metrics = free_ports(5)
    skip = SKIP.format(port=port, peer=f'{peer}\nhost = "::1"')
    provider = settings(tmp_path, BASE.format(api=api, flower=flower, metrics=metrics) + skip)

    verify_ports_free(provider)

    assert ("peers", f"[::1]:{peer}") in Stack.of(provider, "token").faces
    with socket.create_server(("::1", peer), family=socket.AF_INET6), pytest.raises(PortTakenError, match=str(peer)):
        verify_ports_free(provider)
