"""From which networks an account is logged in to, so that a login from another one is noticed."""

import ipaddress
import uuid

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from strongroom.catalog.accounts import LoginSession

_PREFIXES = {4: 24, 6: 48}
"""How much of an address says where somebody is: the rest changes by itself."""


def network_of(address: str) -> str | None:
    """Return the network of an address, such as `192.0.2.0/24`; None for what is no address."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return str(ipaddress.ip_network((found, _PREFIXES[found.version]), strict=False))


def is_new(session: Session, account_id: uuid.UUID, network: str | None) -> bool:
    """Say whether an account has sessions, which are kept for 30 days, and none of them from this network."""
    mine = (LoginSession.account_id == account_id, LoginSession.network.is_not(None))
    if network is None or not session.scalar(select(exists().where(*mine))):
        return False
    return not session.scalar(select(exists().where(*mine, LoginSession.network == network)))
