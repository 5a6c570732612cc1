"""Writes for each site a folder with all it needs, and apart from them the two authorities.

    DIRECTORY/authorities/{peer,encryptor}-ca.{pem,key}     keep the keys away from every provider
    DIRECTORY/authorities/sites.json                        which sites there are, for those that come later
    DIRECTORY/SITE/skip.toml                                what to add to strongroom.toml
    DIRECTORY/SITE/skip/*.pem, *.key                        certificates of its two faces, and whom it trusts
    DIRECTORY/SITE/psks/PEER.json                           secrets shared with each peer
    DIRECTORY/SITE/encryptors/NAME.{pem,key,psk}            what its encryptors show, and what they trust

Directories have mode 700 and files 600. Nothing is replaced.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from strongroom.clock import RandomBytes
from strongroom.errors import ConflictError
from strongroom.keysync.certificates import Authority, Issued
from strongroom.keysync.planning import AUTHORITIES, ENCRYPTOR_AUTHORITY, TEMPLATES, Site
from strongroom.keysync.psk_file import PSK_BYTES, make_psk, write_psk
from strongroom.keysync.site_list import Sites, write_sites
from strongroom.keysync.tables import tables_of

AUTHORITY_DAYS = 3650
CERTIFICATE_DAYS = 825
PEER_AUTHORITY = "peer-ca"


class BundleExistsError(ConflictError):
    """The folder for a set-up is not empty; nothing was written."""

    code = "keysync.bundle_exists"


@dataclass(frozen=True, slots=True)
class Maker:
    """What making takes: the authorities, the moment, randomness, and how long certificates hold."""

    peers: Authority
    encryptors: Authority
    now: datetime
    random: RandomBytes
    days: int = CERTIFICATE_DAYS


def new_maker(now: datetime, random: RandomBytes) -> Maker:
    """Make two authorities to sign with."""
    peers = Authority("SKIP key providers", now, AUTHORITY_DAYS)
    return Maker(peers, Authority("SKIP encryptors", now, AUTHORITY_DAYS), now, random)


def write_bundles(directory: Path, sites: Sites, maker: Maker) -> None:
    """Write authorities, certificates and secrets for sites that are each other's peers; raises BundleExistsError."""
    make_empty(directory)
    authorities = make_folder(directory / AUTHORITIES)
    for name, authority in ((PEER_AUTHORITY, maker.peers), (ENCRYPTOR_AUTHORITY, maker.encryptors)):
        write_file(authorities / f"{name}.pem", authority.certificate)
        write_file(authorities / f"{name}.key", authority.private_key)
    for site in sites.sites:
        write_site(directory / site.name, site, sites, maker)
    write_secrets(directory, sites.sites, sites.sites, maker)
    write_sites(authorities, sites)


def make_empty(directory: Path) -> None:
    """Make a folder, where it is not one already that has nothing in it; raises BundleExistsError."""
    if directory.exists() and any(directory.iterdir()):
        raise BundleExistsError(f"{directory} is not empty.", next_step="Name a new folder; nothing was written.")
    make_folder(directory)


def write_site(home: Path, site: Site, sites: Sites, maker: Maker) -> None:
    """Write the folder of a new site, but for its secrets."""
    peers = [peer for peer in sites.sites if peer.name != site.name]
    make_folder(home)
    write_file(home / "skip.toml", tables_of(site, peers, TEMPLATES[sites.environment]).encode())
    make_folder(home / "psks")
    write_faces(make_folder(home / "skip"), site, maker)
    write_file(home / "skip" / f"{PEER_AUTHORITY}.pem", maker.peers.certificate)
    write_file(home / "skip" / f"{ENCRYPTOR_AUTHORITY}.pem", maker.encryptors.certificate)
    write_encryptors(home, site.encryptors, site.psk_encryptors, maker)


def write_faces(place: Path, site: Site, maker: Maker) -> None:
    """Write the certificates of both faces of a site."""
    hosts = list(dict.fromkeys([site.host, "127.0.0.1", "localhost"]))
    _write_issued(place, "peer", maker.peers.issue_provider(site.system_id, hosts, maker.now, maker.days))
    face = maker.encryptors.issue_server(site.system_id, hosts, maker.now, maker.days)
    _write_issued(place, "encryptor-face", face)


def write_encryptors(home: Path, encryptors: Iterable[str], psk_encryptors: Iterable[str], maker: Maker) -> None:
    """Write what encryptors of a site show and trust; pre-shared keys also where the face reads them."""
    place = make_folder(home / "encryptors")
    write_file(place / f"{ENCRYPTOR_AUTHORITY}.pem", maker.encryptors.certificate)
    for name in encryptors:
        _write_issued(place, name, maker.encryptors.issue_encryptor(name, maker.now, maker.days))
    for name in psk_encryptors:
        psk = maker.random(PSK_BYTES).hex().encode() + b"\n"
        write_file(make_folder(home / "skip") / f"{name}.psk", psk)
        write_file(place / f"{name}.psk", psk)


def write_secrets(directory: Path, new: Sequence[Site], everybody: Sequence[Site], maker: Maker) -> None:
    """Write a secret for each pair that new sites make with everybody, into the folders of both."""
    done = set[frozenset[str]]()
    for first in new:
        for second in everybody:
            pair = frozenset({first.name, second.name})
            if len(pair) == 1 or pair in done:
                continue
            done.add(pair)
            psk = make_psk(first.system_id, second.system_id, maker.random)
            for site, peer in ((first, second), (second, first)):
                write_psk(make_folder(directory / site.name / "psks") / f"{peer.name}.json", psk)


def _write_issued(place: Path, name: str, issued: Issued) -> None:
    write_file(place / f"{name}.pem", issued.certificate)
    write_file(place / f"{name}.key", issued.key)


def make_folder(path: Path) -> Path:
    """Make a folder that nobody else looks into, where it is not there."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def write_file(path: Path, content: bytes) -> None:
    """Write a new private file; raises FileExistsError."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
