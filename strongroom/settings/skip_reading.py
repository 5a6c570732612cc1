"""Reads the tables of the SKIP key provider."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from strongroom.settings.environment import resolve_secrets
from strongroom.settings.fields import Section
from strongroom.settings.findings import Findings, SectionT
from strongroom.settings.skip import (
    LOOPBACK,
    EncryptorFaceSettings,
    EncryptorSettings,
    PeerFaceSettings,
    PeerSettings,
    SkipSettings,
)

_FACES: dict[str, type[EncryptorFaceSettings] | type[PeerFaceSettings]] = {
    "encryptor_face": EncryptorFaceSettings,
    "peer_face": PeerFaceSettings,
}
_AUTHORITY = {"encryptor_face": "client_ca", "peer_face": "peer_ca"}


def read_skip(table: dict[str, Any] | None, env: Mapping[str, str], findings: Findings) -> SkipSettings | None:
    """Return what `[skip]` describes, or None where there is no such table; note what is wrong with it."""
    if table is None:
        return None
    resolved = resolve_secrets(SkipSettings, table, ("skip",), env, findings)
    for face, model in _FACES.items():
        resolved[face] = findings.check(model, _table(resolved.get(face, {}), face, findings), ("skip", face))
        _check_face(face, resolved[face], findings)
    resolved["encryptors"] = _group("encryptors", EncryptorSettings, resolved, findings)
    resolved["peers"] = _group("peers", PeerSettings, resolved, findings)
    if None in (resolved["encryptor_face"], resolved["peer_face"]):
        return None
    skip = findings.check(SkipSettings, resolved, ("skip",))
    if skip is not None:
        _check_encryptors(skip, findings)
        _check_peers(skip, findings)
    return skip


def _table(value: Any, name: str, findings: Findings) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    findings.add(("skip", name), "This should be a table.", f"Write `[skip.{name}]`.")
    return {}


def _group(group: str, model: type[SectionT], table: dict[str, Any], findings: Findings) -> dict[str, SectionT]:
    read = {}
    for name, value in _table(table.get(group, {}), group, findings).items():
        path = ("skip", group, name)
        inner = _table(value, f"{group}.{name}", findings)
        if "name" in inner:
            findings.add(
                (*path, "name"), "The name stands in the header.", f"Remove this; write `[skip.{group}.NAME]`."
            )
        section = findings.check(model, inner | {"name": name}, path)
        if section is not None:
            read[name] = section
    return read


def _check_face(name: str, face: Section | None, findings: Findings) -> None:
    if face is None:
        return
    tls = ("certificate", "key", _AUTHORITY[name])
    given = [field for field in tls if getattr(face, field) is not None]
    if given and len(given) < len(tls):
        missing = next(field for field in tls if field not in given)
        findings.add(
            ("skip", name, missing),
            "This is missing.",
            f"TLS takes all three: {', '.join(tls)}. `strongroom peers setup` makes them.",
        )
    if isinstance(face, EncryptorFaceSettings):
        _check_plain(face, findings, has_tls=bool(given))


def _check_plain(face: EncryptorFaceSettings, findings: Findings, *, has_tls: bool) -> None:
    path = ("skip", "encryptor_face", "plain_http")
    if face.plain_http and face.host not in LOOPBACK:
        findings.add(path, "Keys would travel in clear.", 'Write `host = "127.0.0.1"`, or give a certificate.')
    if face.plain_http and has_tls:
        findings.add(path, "There is a certificate, too.", "Keep one of the two.")
    if face.psk_port == face.port:
        findings.add(("skip", "encryptor_face", "psk_port"), "This port is taken by `port`.", "Write another.")


def _check_encryptors(skip: SkipSettings, findings: Findings) -> None:
    times = Counter(encryptor.known_as for encryptor in skip.encryptors.values())
    for name, encryptor in skip.encryptors.items():
        path = ("skip", "encryptors", name)
        if times[encryptor.known_as] > 1:
            findings.add((*path, "identity"), "Another encryptor has this identity.", "One identity, one encryptor.")
        if encryptor.psk_env is not None and encryptor.psk_file is not None:
            findings.add((*path, "psk_file"), "The psk is said to be in two places.", "Keep one of the two.")
        if encryptor.psk.given and skip.encryptor_face.psk_port is None:
            findings.add(path, "There is no port for pre-shared keys.", "Set `psk_port` in [skip.encryptor_face].")


def _check_peers(skip: SkipSettings, findings: Findings) -> None:
    times = Counter(peer.known_as for peer in skip.peers.values())
    for name, peer in skip.peers.items():
        path = ("skip", "peers", name)
        if peer.known_as == skip.system_id:
            findings.add((*path, "system_id"), "This is the provider itself.", "Name the peer's own id.")
        if times[peer.known_as] > 1:
            findings.add((*path, "system_id"), "Another peer has this id.", "One id, one peer.")
        if peer.low_water > peer.high_water:
            findings.add((*path, "low_water"), "This is above `high_water`.", "Write a smaller number.")
