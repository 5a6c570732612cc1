"""The tables of strongroom.toml that make a site a key provider."""

import ipaddress
import json
from collections.abc import Iterator, Sequence

from strongroom.keysync.planning import Site, Template

EVERYWHERE = "0.0.0.0"  # noqa: S104  a provider that others reach; TLS with certificates decides who is answered
EVERYWHERE_6 = "::"


def tables_of(site: Site, peers: Sequence[Site], template: Template) -> str:
    """Return the text of the tables; file names start at the folder of strongroom.toml."""
    named = [*_encryptors(site.encryptors), *_psk_encryptors(site.psk_encryptors)]
    return "\n".join([*_provider(site, template), *named, *_peers(peers, template)]) + "\n"


def tables_of_more(
    encryptors: Sequence[str], psk_encryptors: Sequence[str], peers: Sequence[Site], template: Template
) -> str:
    """Return the text of what a provider gets later."""
    return "\n".join([*_encryptors(encryptors), *_psk_encryptors(psk_encryptors), *_peers(peers, template)]) + "\n"


def _provider(site: Site, template: Template) -> Iterator[str]:
    host = _listening(site.host)
    yield "[skip]"
    yield f"system_id = {json.dumps(site.system_id)}"
    yield f"key_ttl_seconds = {template.key_ttl_seconds}\nheartbeat_seconds = {template.heartbeat_seconds}"
    yield "\n[skip.encryptor_face]"
    yield f"host = {json.dumps(host)}\nport = {site.encryptor_port}"
    yield 'certificate = "skip/encryptor-face.pem"\nkey = "skip/encryptor-face.key"'
    yield 'client_ca = "skip/encryptor-ca.pem"'
    if site.psk_port is not None:
        yield f"psk_port = {site.psk_port}"
    yield "\n[skip.peer_face]"
    yield f"host = {json.dumps(host)}\nport = {site.peer_port}"
    yield 'certificate = "skip/peer.pem"\nkey = "skip/peer.key"\npeer_ca = "skip/peer-ca.pem"'


def _encryptors(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        yield f"\n[skip.encryptors.{name}]"


def _psk_encryptors(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        yield f'\n[skip.encryptors.{name}]\npsk_file = "skip/{name}.psk"'


def _listening(host: str) -> str:
    """Return where a face listens that is reached at a host: everywhere, but for loopback."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host if host == "localhost" else EVERYWHERE
    if address.is_loopback:
        return host
    return EVERYWHERE if address.version == 4 else EVERYWHERE_6


def _peers(peers: Sequence[Site], template: Template) -> Iterator[str]:
    for peer in peers:
        yield f"\n[skip.peers.{peer.name}]"
        yield f"system_id = {json.dumps(peer.system_id)}\nurl = {json.dumps(peer.peer_url)}"
        yield f"low_water = {template.low_water}\nhigh_water = {template.high_water}\nbatch = {template.batch}"
