"""Keeping the pools full: keys are made, and sent until the peer has confirmed them."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from strongroom.catalog.skip_peers import PeerStatus, find_peer, lock_peer
from strongroom.catalog.tallies import Counted, add_to_tally
from strongroom.errors import StrongroomError
from strongroom.keysync.beating import at_once
from strongroom.keysync.messages import KeyItem
from strongroom.keysync.provider import Provider
from strongroom.settings.skip import PeerSettings

log = logging.getLogger(__name__)

PUSH_SECONDS = 8.0
"""Less than a key waits before it is sent again."""

FILL_SECONDS = 25.0
PEERS_AT_A_TIME = 3
"""More would only wait for each other, and let heartbeats and encryptors wait with them."""

SHARE = 0.5
"""Of the time; the rest is left to whoever asks for keys meanwhile, here and at the peer."""

LONGEST_REST = 0.5
LONGEST_BACKOFF = timedelta(seconds=60)


def refill_all(provider: Provider) -> list[str]:
    """Fill every pool that is low and send what was not confirmed; return the peers that confirmed keys."""
    provider.store.boot()
    return at_once(lambda it, peer: fill(it, peer) > 0, provider, most=PEERS_AT_A_TIME)


def fill(provider: Provider, peer: str) -> int:
    """Fill the pool of one peer; return how many keys it has confirmed. Ends after some seconds, and goes on later.

    A peer that failed is left alone for a while, longer each time.
    """
    settings = provider.settings.find_system(peer)
    if settings is None or not _may_send(provider, peer):
        return 0
    began = provider.clock.monotonic()
    until, confirmed = began + FILL_SECONDS, 0
    for items in _to_send(provider, settings):
        try:
            answer = provider.link.push(peer, items, within=PUSH_SECONDS)
        except StrongroomError as error:
            _note_failure(provider, peer, error)
            break
        proven = provider.pool.settle(answer)
        log.info("skip.pushed peer=%s keys=%d confirmed=%d", peer, len(items), proven)
        confirmed += proven
        worked = provider.clock.monotonic() - began
        provider.clock.sleep(min(LONGEST_REST, worked * (1 / SHARE - 1)))
        began = provider.clock.monotonic()
        if began >= until:
            break
    return confirmed


def _to_send(provider: Provider, settings: PeerSettings) -> Iterator[list[KeyItem]]:
    """Yield what goes into one message after the other: keys to be sent again, then new ones until there are enough."""
    peer, low = settings.known_as, settings.low_water
    while items := provider.pool.claim(peer, settings.batch):
        yield items
    while items := provider.pool.make_more(peer, low=low, high=settings.high_water, most=settings.batch):
        # Once it is begun the pool is filled to the top.
        low = settings.high_water
        yield items


def _may_send(provider: Provider, peer: str) -> bool:
    with provider.catalog.read() as session:
        known = find_peer(session, peer)
    if known is None:
        return True
    resting = known.retry_at is not None and known.retry_at > provider.clock.now()
    return known.status is not PeerStatus.OFFLINE and not resting


def _note_failure(provider: Provider, peer: str, error: StrongroomError) -> None:
    now = provider.clock.now()
    with provider.catalog.begin() as session:
        retry_at = back_off(session, peer, now, provider.random(1)[0] / 255)
    wait = (retry_at - now).total_seconds()
    log.warning("skip.push_failed: keys to %s, again in %.0f s: %s", peer, wait, error.what)


def back_off(session: Session, peer: str, now: datetime, chance: float) -> datetime:
    """Note that keys could not be sent; return when to try again: twice as long each time, less up to half by chance.

    An answered heartbeat of a peer that was away ends it.
    """
    row = lock_peer(session, peer, now)
    row.failures += 1
    add_to_tally(session, Counted.SYNC_ERRORS, peer)
    wait = min(LONGEST_BACKOFF, timedelta(seconds=2.0 ** min(row.failures, 6)))
    row.retry_at = now + wait * (1 - chance / 2)
    return row.retry_at
