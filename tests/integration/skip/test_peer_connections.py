"""Connections between peers: TLS 1.3 with one suite, to the host that was meant, and kept open."""

import shutil
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from api.tls.openssl import context_pointer, library
from strongroom.keysync.beating import beat_all
from strongroom.keysync.messages import Heartbeat, KeyStatus
from strongroom.keysync.wire_errors import PeerUnreachableError
from tests.integration.skip.wired import Shape, Site, Sites, new_key, open_sites
from tests.services.proxy import TcpProxy
from tests.services.valkey import Valkey

HEALTH = b"GET /status/health HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n"


@pytest.fixture
def urls(tmp_path: Path, _sqlite_template: Path) -> tuple[str, str]:
    for name in ("a", "b"):
        shutil.copy(_sqlite_template, tmp_path / f"{name}.db")
    return f"sqlite:///{tmp_path / 'a.db'}", f"sqlite:///{tmp_path / 'b.db'}"


@pytest.fixture
def sites(tmp_path: Path, urls: tuple[str, str], valkey: Valkey) -> Iterator[Sites]:
    with open_sites(tmp_path, urls, valkey) as opened:
        yield opened


def ask(site: Site, port: int, version: ssl.TLSVersion, suite: str | None = None) -> tuple[str, bytes]:
    """Ask a face with the certificate of a site; return the suite and the answer."""
    context = ssl.create_default_context(cafile=site.directory / "ca.pem")
    context.load_cert_chain(site.directory / "peer.pem", site.directory / "peer.key")
    context.minimum_version = context.maximum_version = version
    if suite:
        assert library().SSL_CTX_set_ciphersuites(context_pointer(context), suite.encode()) == 1
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
    ):
        connection.sendall(HEALTH)
        return connection.cipher()[0], connection.recv(4096)


def test_peers_speak_tls_1_3_with_the_highest_suite_and_nothing_else(sites: Sites) -> None:
    taken = ask(sites.a, sites.b.port, ssl.TLSVersion.TLSv1_3)

    assert taken[0] == "TLS_AES_256_GCM_SHA384"
    assert taken[1].startswith(b"HTTP/1.1 200")
    with pytest.raises(ssl.SSLError):
        ask(sites.a, sites.b.port, ssl.TLSVersion.TLSv1_2)
    for suite in ("TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"):
        with pytest.raises(ssl.SSLError):
            ask(sites.a, sites.b.port, ssl.TLSVersion.TLSv1_3, suite)


def test_a_certificate_for_another_host_is_not_believed(tmp_path: Path, urls: tuple[str, str], valkey: Valkey) -> None:
    with (
        open_sites(tmp_path, urls, valkey, Shape(host="kp-b.example.org")) as sites,
        pytest.raises(PeerUnreachableError, match="ConnectError"),
    ):
        sites.a.sender.heartbeat("KP-B", Heartbeat())


def test_messages_to_a_peer_share_connections(
    tmp_path: Path, urls: tuple[str, str], valkey: Valkey, tcp_proxy: Callable[[str], TcpProxy]
) -> None:
    proxies: list[TcpProxy] = []

    def way(port: int) -> int:
        proxies.append(tcp_proxy(f"https://127.0.0.1:{port}"))
        return proxies[0].port

    with open_sites(tmp_path, urls, valkey, Shape(way=way)) as sites:
        for _ in range(20):
            beat_all(sites.a.provider)
            [verdict] = sites.a.sender.push("KP-B", [new_key()]).verdicts
            assert verdict.status is KeyStatus.STORED
            given = sites.a.provider.delivery.take("KP-B", 192)
            assert sites.b.provider.delivery.fetch(given.key_id, "KP-A") == given.key

    assert proxies[0].accepted == 1
