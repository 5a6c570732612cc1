"""Which sites there are, what each is called and where its faces listen: decided before anything is made."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import count

from strongroom.clock import RandomBytes
from strongroom.errors import InvalidInputError


class SitesError(InvalidInputError):
    """The sites of a set-up do not fit together."""

    code = "keysync.sites"


class Topology(StrEnum):
    """Who pairs with whom."""

    PAIR = "pair"
    """A primary and a secondary."""
    MESH = "mesh"
    """Everybody with everybody."""


@dataclass(frozen=True, slots=True)
class Template:
    """What suits an environment: how long keys live, how often peers are asked, and how many keys are kept ready."""

    key_ttl_seconds: int
    heartbeat_seconds: int
    low_water: int
    high_water: int
    batch: int


TEMPLATES = {
    "development": Template(key_ttl_seconds=300, heartbeat_seconds=10, low_water=16, high_water=64, batch=32),
    "production": Template(key_ttl_seconds=3600, heartbeat_seconds=10, low_water=256, high_water=1024, batch=128),
    # A link that is away for long: more keys in stock that live longer, and a minute more until a peer is offline.
    "unstable-link": Template(key_ttl_seconds=14_400, heartbeat_seconds=30, low_water=1024, high_water=4096, batch=256),
}
MOST_SITES = 11
"""Each with ten peers."""
AUTHORITIES = "authorities"
ENCRYPTOR_AUTHORITY = "encryptor-ca"
_PORTS, _PORT_STEP, _LAST_PORT = 3, 10, 65_535
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_HOST = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?:\.(?!-)[A-Za-z0-9-]{1,63})*")


@dataclass(frozen=True, slots=True)
class Wish:
    """A site as a person describes it: its name, the host its faces are reached at, its encryptors."""

    name: str
    host: str
    encryptors: tuple[str, ...] = ()
    psk_encryptors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Site:
    """A site with everything decided."""

    name: str
    host: str
    system_id: str
    encryptor_port: int
    peer_port: int
    psk_port: int | None
    encryptors: tuple[str, ...]
    psk_encryptors: tuple[str, ...]

    @property
    def peer_url(self) -> str:
        """Return the address of its face for peers."""
        return self._url(self.peer_port)

    @property
    def encryptor_url(self) -> str:
        """Return the address of its face for encryptors."""
        return self._url(self.encryptor_port)

    def _url(self, port: int) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"https://{host}:{port}"


def plan_sites(
    topology: Topology, wishes: Sequence[Wish], *, first_port: int, random: RandomBytes, spoken_ids: bool
) -> tuple[Site, ...]:
    """Decide ids and ports; sites on one host get ports of their own. Raises SitesError.

    An id travels in clear with every key that is used, so it is made at random unless `spoken_ids` asks for the
    sites' names.
    """
    if topology is Topology.PAIR and len(wishes) != 2:
        raise SitesError("A pair has two sites.", next_step="Name a primary and a secondary, or make a mesh.")
    if len(wishes) < 2:
        raise SitesError(f"A mesh has 2 to {MOST_SITES} sites.", next_step="Name each site once.")
    return plan_more((), wishes, first_port=first_port, random=random, spoken_ids=spoken_ids)


def plan_more(
    known: Sequence[Site], wishes: Sequence[Wish], *, first_port: int, random: RandomBytes, spoken_ids: bool
) -> tuple[Site, ...]:
    """Decide the same of sites that join others; raises SitesError."""
    sites: list[Site] = []
    for wish in wishes:
        system_id = wish.name if spoken_ids else f"KP-{random(6).hex()}"
        port = _free_port(wish.host, [*known, *sites], first_port)
        psk_port = port + 2 if wish.psk_encryptors else None
        sites.append(
            Site(wish.name, wish.host, system_id, port, port + 1, psk_port, wish.encryptors, wish.psk_encryptors)
        )
    verify_sites([*known, *sites])
    return tuple(sites)


def verify_sites(sites: Sequence[Site]) -> None:
    """Return when sites can be each other's peers; raises SitesError."""
    if len(sites) > MOST_SITES:
        raise SitesError(f"A mesh has 2 to {MOST_SITES} sites.", next_step="Leave some out.")
    for site in sites:
        _verify_names(site)
        _verify_host(site)
    if len({site.name for site in sites}) != len(sites):
        raise SitesError("Two sites have the same name.", next_step="Name each site once.")
    shown = [name for site in sites for name in site.encryptors]
    for name in shown:
        if shown.count(name) > 1:
            raise SitesError(
                f"Two encryptors are named {name!r}: each would be let in as the other.",
                next_step="Give every encryptor with a certificate a name of its own, at whichever site it is.",
            )


def _verify_names(site: Site) -> None:
    for name in (site.name, *site.encryptors, *site.psk_encryptors):
        if not _NAME.fullmatch(name) or name == ENCRYPTOR_AUTHORITY:
            raise SitesError(
                f"{name[:64]!r} is no name of a site or an encryptor.",
                next_step="Use lower-case letters, digits, `-` and `_`, at most 63 of them.",
            )
    if site.name == AUTHORITIES:
        raise SitesError(f"No site can be named {AUTHORITIES!r}.", next_step="That folder is for the authorities.")
    named = (*site.encryptors, *site.psk_encryptors)
    if len(set(named)) != len(named):
        raise SitesError(f"An encryptor of {site.name} is named twice.", next_step="Name each encryptor once.")


def _verify_host(site: Site) -> None:
    if not (_is_address(site.host) or _HOST.fullmatch(site.host)):
        raise SitesError(
            f"{site.host[:64]!r} is no host of {site.name}.",
            next_step="Name a host or an address alone, such as kp-a.example.org or 192.0.2.7, without a port.",
        )
    if not (site.encryptor_port >= 1 and site.encryptor_port + 2 <= _LAST_PORT):
        raise SitesError(
            f"{site.name} would listen on port {site.encryptor_port + 2}.", next_step="Choose a smaller --first-port."
        )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _free_port(host: str, others: Sequence[Site], first_port: int) -> int:
    taken = {site.encryptor_port + more for site in others if site.host == host for more in range(_PORTS)}
    return next(port for port in count(first_port, _PORT_STEP) if taken.isdisjoint(range(port, port + _PORTS)))
