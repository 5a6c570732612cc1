"""What ends keys without anybody having been given them: time, a restore, an operator's word."""

from dataclasses import dataclass

from strongroom.catalog.skip_key_queries import end, forget
from strongroom.catalog.skip_keys import KeyState, UnspentKey
from strongroom.catalog.skip_peers import list_peers
from strongroom.keysync.booting import renew_boot
from strongroom.keysync.certificate_ends import judge_certificates
from strongroom.keysync.liveness import forget_peer
from strongroom.keysync.provider import Provider
from strongroom.keysync.psks import erase_retired
from strongroom.keysync.room import note_room
from strongroom.keysync.sealing import throw_away
from strongroom.services import Services


@dataclass(frozen=True, slots=True)
class Expiry:
    """How many of each came to their end."""

    expired: int
    forgotten: int
    sealing_keys: int
    psks: int


def expire(provider: Provider) -> Expiry:
    """End keys whose time is over, and forget what nothing can bring back; void those of peers not configured.

    Shared secrets and data keys follow their KEK to its present version. Certificates that are
    about to end are said.
    """
    now, catalog = provider.clock.now(), provider.catalog
    peers = [peer.known_as for peer in provider.settings.peers.values()]
    with catalog.begin() as session:
        expired = end(session, KeyState.EXPIRED, UnspentKey.expires_at <= now)
        end(session, KeyState.VOID, UnspentKey.peer.not_in(peers))
        forgotten = forget(session, now)
    with catalog.begin() as session:
        for peer in list_peers(session):
            if peer.system_id not in peers:
                forget_peer(session, peer, now)
        for system_id in peers:
            note_room(session, system_id, provider.lives.most_held, now)
        psks = erase_retired(session, now, provider.lives.window)
        sealing_keys = throw_away(session, now)
        judge_certificates(session, provider.settings, now)
    provider.psks.rewrap()
    provider.sealers.rewrap()
    return Expiry(len(expired), forgotten, sealing_keys, psks)


def void_all(services: Services) -> int:
    """Void every key of every peer, here at once and there on the next heartbeat; return how many were unspent.

    For after a restore that cannot be noticed, such as a disk set back to a snapshot. Raises SkipNotConfiguredError.
    """
    services.settings.require_skip()
    with services.catalog.begin() as session:
        return renew_boot(session, services.clock.now(), services.random)
