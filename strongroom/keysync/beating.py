"""Heartbeats to every peer at once, and new shared secrets tried out with them."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from strongroom.errors import StrongroomError
from strongroom.keysync.keeping import PskState
from strongroom.keysync.liveness import claim_beat, note_answer, note_silence
from strongroom.keysync.messages import Heartbeat
from strongroom.keysync.provider import Provider
from strongroom.tracing import same_ids

BEAT_SECONDS = 3.0
MOST_AT_A_TIME = 16


def beat_all(provider: Provider) -> list[str]:
    """Send a heartbeat to every peer that is due; return those that answered and whose pool is low."""
    # A restored database is noticed here at the latest, and the new incarnation told to all.
    provider.store.boot()
    return at_once(_beat, provider)


def exchange_all(provider: Provider) -> list[str]:
    """Tell every peer what this provider can do, and learn the same of it; return those that answered."""
    return at_once(_exchange, provider)


def at_once(action: Callable[[Provider, str], bool], provider: Provider, most: int = MOST_AT_A_TIME) -> list[str]:
    """Do something with every peer, each in a thread and `most` at a time; return those for which it says so."""
    peers = [peer.known_as for peer in provider.settings.peers.values()]
    with ThreadPoolExecutor(max(1, min(most, len(peers))), initializer=same_ids()) as threads:
        answers: Iterable[bool] = threads.map(lambda peer: action(provider, peer), peers)
        return [peer for peer, good in zip(peers, answers, strict=True) if good]


def _beat(provider: Provider, peer: str) -> bool:
    now, every = provider.clock.now(), timedelta(seconds=provider.settings.heartbeat_seconds)
    with provider.catalog.begin() as session:
        if not claim_beat(session, peer, now, every):
            return False
        level = provider.pool.level(session, peer, now)
    heartbeat = Heartbeat(pool=level)
    try:
        answer = provider.link.heartbeat(peer, heartbeat, within=BEAT_SECONDS)
    except StrongroomError as error:
        with provider.catalog.begin() as session:
            note_silence(session, peer, error.what, provider.clock.now())
        return False
    with provider.catalog.begin() as session:
        note_answer(session, answer, provider.clock.now())
        # A new incarnation has just voided what there was.
        level = provider.pool.level(session, peer, now)
    _try_next(provider, peer, heartbeat)
    settings = provider.settings.find_system(peer)
    return settings is not None and level < settings.low_water


def _try_next(provider: Provider, peer: str, heartbeat: Heartbeat) -> None:
    """Send a heartbeat under a secret that waits: an answer proves that the peer has it too."""
    for psk in provider.store.psks(peer):
        if psk.state is not PskState.NEXT:
            continue
        try:
            answer = provider.link.heartbeat(peer, heartbeat, psk_id=psk.psk_id, within=BEAT_SECONDS)
        except StrongroomError:
            # It is not installed there yet.
            continue
        provider.store.heard(answer.sign, None, provider.clock.now())


def _exchange(provider: Provider, peer: str) -> bool:
    try:
        provider.link.exchange(peer, within=BEAT_SECONDS)
    except StrongroomError:
        # Heartbeats say how the peer is.
        return False
    return True
