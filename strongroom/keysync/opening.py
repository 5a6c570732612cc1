"""The two ends of the protocol as the settings describe them."""

from collections.abc import Callable
from datetime import timedelta

from strongroom.clock import Clock, RandomBytes
from strongroom.keysync.answering import Answering
from strongroom.keysync.keeping import Keeper
from strongroom.keysync.messages import CapabilityExchange, Profile
from strongroom.keysync.receiving import Receiver, Rules
from strongroom.keysync.replay import Nonces
from strongroom.keysync.sending import Sender
from strongroom.keysync.wires import Speaker
from strongroom.settings import PeerSettings, SkipSettings


def make_sender(skip: SkipSettings, clock: Clock, random: RandomBytes) -> Callable[[Keeper], Sender]:
    """Return what makes the sending end once there is a keeper; connections open on first use, after any fork."""

    def made(keeper: Keeper) -> Sender:
        # The HTTP client is an extra: an installation that shares no keys does without.
        from strongroom.keysync.transport import Wires

        wires = Wires(skip.peer_face, lambda system_id: _peer(skip, system_id), clock)
        return Sender(Speaker(capabilities_of(skip), keeper, clock, random), minimum_profiles(skip), wires)

    return made


def open_receiver(skip: SkipSettings, keeper: Keeper, nonces: Nonces, *, clock: Clock, random: RandomBytes) -> Receiver:
    """Put the receiving end together."""
    rules = Rules(skip.system_id, minimum_profiles(skip), timedelta(seconds=skip.window_seconds))
    return Receiver(rules, keeper, nonces, Answering(capabilities_of(skip), keeper, random), clock)


def capabilities_of(skip: SkipSettings) -> CapabilityExchange:
    """Return what peers are told of this provider."""
    remotes = tuple(peer.known_as for peer in skip.peers.values())
    return CapabilityExchange(skip.system_id, remotes, skip.algorithm, tuple(Profile))


def minimum_profiles(skip: SkipSettings) -> dict[str, Profile]:
    """Return the weakest profile that is spoken with each peer, by system id."""
    return {peer.known_as: Profile(peer.minimum_profile) for peer in skip.peers.values()}


def _peer(skip: SkipSettings, system_id: str) -> PeerSettings:
    return skip.find_system(system_id) or skip.get_peer(system_id)
