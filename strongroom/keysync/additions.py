"""Makes what sites get after they were set up: another site, more encryptors, new certificates.

For each site that something changes for, a folder to join: as that of a new site, with what is new alone, and with
`addition.json`, which says whose it is. The authorities stay as they are.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from strongroom.clock import RandomBytes
from strongroom.keysync.bundles import (
    PEER_AUTHORITY,
    Maker,
    make_empty,
    make_folder,
    write_encryptors,
    write_faces,
    write_file,
    write_secrets,
    write_site,
)
from strongroom.keysync.certificates import Authority
from strongroom.keysync.planning import AUTHORITIES, ENCRYPTOR_AUTHORITY, TEMPLATES, Site, Wish, plan_more, verify_sites
from strongroom.keysync.site_list import SiteListError, Sites, read_sites, write_sites
from strongroom.keysync.tables import tables_of_more

ADDITION = "addition.json"
FORMAT = "strongroom-skip-addition/1"
_LEAST_DAYS = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class More:
    """What a set-up gets: new sites, more encryptors of sites by name, and sites whose certificates are renewed."""

    sites: tuple[Site, ...]
    encryptors: Mapping[str, tuple[str, ...]]
    psk_encryptors: Mapping[str, tuple[str, ...]]
    renewed: tuple[str, ...]


def open_maker(setup: Path, now: datetime, random: RandomBytes) -> Maker:
    """Return what signs with the authorities of a set-up; raises SiteListError where their keys are not there."""
    peers, encryptors = (_authority(setup / AUTHORITIES, name, now) for name in (PEER_AUTHORITY, ENCRYPTOR_AUTHORITY))
    return Maker(peers, encryptors, now, random)


def plan_additions(
    known: Sites, wishes: Sequence[Wish], renewed: Sequence[str], *, random: RandomBytes, first_port: int, plain: bool
) -> More:
    """Decide what to make; a wish without a host is for a site that is known. Raises SitesError and SiteListError."""
    new = plan_more(
        known.sites, [wish for wish in wishes if wish.host], first_port=first_port, random=random, spoken_ids=plain
    )
    grown = [wish for wish in wishes if not wish.host]
    for name in (*renewed, *(wish.name for wish in grown)):
        known.get(name)
    more = More(
        new,
        {wish.name: wish.encryptors for wish in grown},
        {wish.name: wish.psk_encryptors for wish in grown},
        tuple(renewed),
    )
    verify_sites(_together(known, more).sites)
    return more


def write_additions(directory: Path, setup: Path, known: Sites, more: More, maker: Maker) -> Sites:
    """Write the folders, then the list of sites anew, and return it; raises BundleExistsError."""
    make_empty(directory)
    together = _together(known, more)
    for site in more.sites:
        write_site(directory / site.name, site, together, maker)
    write_secrets(directory, more.sites, together.sites, maker)
    for site in known.sites:
        _write_addition(directory / site.name, site, more, maker, known.environment)
    write_sites(setup / AUTHORITIES, together)
    return together


def _write_addition(home: Path, site: Site, more: More, maker: Maker, environment: str) -> None:
    named, psk_named = more.encryptors.get(site.name, ()), more.psk_encryptors.get(site.name, ())
    renewed = site.name in more.renewed
    if not (more.sites or named or psk_named or renewed):
        return
    make_folder(home)
    write_file(home / ADDITION, json.dumps({"format": FORMAT, "system_id": site.system_id}).encode() + b"\n")
    if more.sites or named or psk_named:
        tables = tables_of_more(named, psk_named, more.sites, TEMPLATES[environment])
        write_file(home / "skip.toml", tables.encode())
    if renewed:
        write_faces(make_folder(home / "skip"), site, maker)
    shown = (*(site.encryptors if renewed else ()), *named)
    if shown or psk_named:
        write_encryptors(home, shown, psk_named, maker)


def _together(known: Sites, more: More) -> Sites:
    return Sites(known.environment, (*(_grown(site, more) for site in known.sites), *more.sites))


def _grown(site: Site, more: More) -> Site:
    named, psk_named = more.encryptors.get(site.name, ()), more.psk_encryptors.get(site.name, ())
    psk_port = site.encryptor_port + 2 if psk_named and site.psk_port is None else site.psk_port
    return replace(
        site,
        encryptors=(*site.encryptors, *named),
        psk_encryptors=(*site.psk_encryptors, *psk_named),
        psk_port=psk_port,
    )


def list_new_psk_ports(known: Sites, together: Sites) -> list[Site]:
    """Return the sites that need a port for pre-shared keys and had none."""
    before = {site.name: site.psk_port for site in known.sites}
    return [site for site in together.sites if site.name in before and site.psk_port != before[site.name]]


def read_known(setup: Path) -> Sites:
    """Return the sites of a set-up; raises as read_sites."""
    return read_sites(setup / AUTHORITIES)


def _authority(place: Path, name: str, now: datetime) -> Authority:
    try:
        authority = Authority.open((place / f"{name}.pem").read_bytes(), (place / f"{name}.key").read_bytes())
    except (OSError, ValueError, TypeError) as error:
        why = error.strerror if isinstance(error, OSError) else "they are not PEM files that belong together"
        raise SiteListError(
            f"{place / name}.pem and .key cannot be used: {why}.",
            next_step="Bring both authorities back to the folder of the set-up, from where they are kept.",
        ) from None
    if authority.not_after - now < _LEAST_DAYS:
        raise SiteListError(
            f"The authority {name} ends on {authority.not_after:%Y-%m-%d}.",
            next_step="Make a new set-up: what it signs would end with it.",
        )
    return authority
