"""Giving keys to encryptors: each once, and none that the peer could not serve already."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

from strongroom.catalog.session import Catalog
from strongroom.catalog.skip_key_queries import Pooled, Spent, spend, spend_pooled
from strongroom.catalog.skip_keys import KeyState
from strongroom.catalog.skip_peers import PeerStatus, find_peer
from strongroom.clock import Clock, RandomBytes
from strongroom.errors import StrongroomError
from strongroom.keysync.accepting import THEIRS
from strongroom.keysync.gathering import Gatherer
from strongroom.keysync.giving_errors import (
    BadKeySizeError,
    NoEntropyNowError,
    NoKeyNowError,
    UnknownKeyError,
    UnknownRemoteError,
)
from strongroom.keysync.keeping import Keeper
from strongroom.keysync.linking import Link
from strongroom.keysync.places import Places
from strongroom.keysync.pool import DEFAULT_BITS, Pool
from strongroom.keysync.sealing import Label, Sealers
from strongroom.settings.skip import SkipSettings

PUSH_SECONDS = 2.0
"""How long an encryptor waits for a key that the peer has to be sent first."""

WAIT_SECONDS = 1.0
"""How long of this it waits for others who wait for the same peer; the rest is enough for the push."""

SIZES = range(128, 513, 8)
_KEY_ID = re.compile(r"(?:[0-9a-f]{2}){1,64}")


@dataclass(frozen=True, slots=True)
class KeyGiven:
    """A key for an encryptor; whoever sends it wipes it afterwards."""

    key_id: str
    key: bytearray = field(repr=False)

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled."""
        raise TypeError("A key is never pickled.")


@dataclass(frozen=True, slots=True)
class Stock:
    """What keys are given from."""

    catalog: Catalog
    keeper: Keeper
    sealers: Sealers
    pool: Pool
    link: Link


class Delivery:
    """Gives keys; what it gives is gone from the catalog, and committed as gone, before it returns.

    `want_more` is called with a peer's system id after every few keys of its pool. All methods raise
    CatalogUnavailableError, and as KekProvider where a data key has to be opened first.
    """

    def __init__(
        self,
        settings: SkipSettings,
        stock: Stock,
        *,
        clock: Clock,
        entropy: RandomBytes,
        want_more: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._stock = stock
        self._clock = clock
        self._entropy = entropy
        self._want_more = want_more
        self._given: dict[str, int] = {}
        self._places = Places(peer.known_as for peer in settings.peers.values())
        self._gatherer = Gatherer(self._spend_pooled)

    def take(self, remote_system_id: str, size_bits: int = DEFAULT_BITS) -> KeyGiven:
        """Return a new key that the remote provider can serve already.

        Raises UnknownRemoteError, BadKeySizeError and NoKeyNowError.
        """
        self._verify_remote(remote_system_id)
        if size_bits not in SIZES:
            raise BadKeySizeError(
                f"There are no keys of {size_bits} bits.", next_step="Ask for 128 to 512, a multiple of 8."
            )
        self._stock.sealers.make_ready()
        pooled = Pooled(self._settings.system_id, remote_system_id, size_bits)
        spent = self._gatherer.take(pooled) or self._sent_now(remote_system_id, size_bits)
        self._count(remote_system_id)
        label = self._stock.pool.label(spent.key_id, spent.peer)
        return KeyGiven(spent.key_id, self._stock.sealers.get(spent.sealing_key_id).open(label, spent.sealed))

    def fetch(self, key_id: str, remote_system_id: str) -> bytearray:
        """Return the key that a remote provider made and gave the id of; raises UnknownRemoteError, UnknownKeyError.

        An id that is unknown, was asked for once, or belongs to another remote system is all the same.
        """
        self._verify_remote(remote_system_id)
        key_id = key_id.lower()
        if not _KEY_ID.fullmatch(key_id):
            raise _unknown(key_id)
        self._stock.sealers.make_ready()
        with self._stock.catalog.alone() as connection:
            now = self._clock.now()
            spent = spend(connection, origin=remote_system_id, key_id=key_id, state=KeyState.HELD, now=now)
        if spent is None:
            # A database that was restored gives nothing until its keys are void.
            self._stock.keeper.boot()
            raise _unknown(key_id)
        label = Label(spent.origin, spent.key_id, spent.peer, THEIRS)
        return self._stock.sealers.get(spent.sealing_key_id).open(label, spent.sealed)

    def entropy(self, bits: int) -> bytes:
        """Return random bytes, used for nothing else; raises NoEntropyNowError."""
        try:
            return self._entropy(bits // 8)
        except (OSError, NotImplementedError) as error:
            raise NoEntropyNowError(
                f"The generator of random bytes gives none ({type(error).__name__}).", next_step="Ask again in a while."
            ) from None

    def _verify_remote(self, system_id: str) -> None:
        if self._settings.find_system(system_id) is None:
            raise UnknownRemoteError(
                "The remote system is not a peer of this provider.", next_step="Ask GET /capabilities which there are."
            )

    def _spend_pooled(self, pooled: Pooled, most: int) -> list[Spent]:
        with self._stock.catalog.alone() as connection:
            return spend_pooled(connection, pooled, most=most, now=self._clock.now())

    def _sent_now(self, peer: str, size_bits: int) -> Spent:
        """Make a key, have the peer confirm it, and take it; whatever fails on the way leaves it to be sent again."""
        until = self._clock.monotonic() + PUSH_SECONDS
        self._verify_may_push(peer)
        with self._places.one(peer, WAIT_SECONDS) as has_place:
            if not has_place:
                raise _no_key(peer)
            return self._pushed(peer, size_bits, until)

    def _pushed(self, peer: str, size_bits: int, until: float) -> Spent:
        # The first answer after a restart of the peer ends all that there was of the pair: then the second one counts.
        for _ in range(2):
            item = self._stock.pool.make_one(peer, size_bits)
            try:
                answer = self._stock.link.push(peer, [item], within=until - self._clock.monotonic())
            except StrongroomError as error:
                raise _no_key(peer) from error
            spent = self._stock.pool.settle_taken(answer, item)
            if spent is not None:
                return spent
        raise _no_key(peer)

    def _verify_may_push(self, peer: str) -> None:
        settings, now = self._settings.find_system(peer), self._clock.now()
        with self._stock.catalog.read() as session:
            known = find_peer(session, peer)
            unsettled = self._stock.pool.unsettled(session, peer, now)
        if known is not None and (known.status is PeerStatus.OFFLINE or (known.retry_at or now) > now):
            raise _no_key(peer)
        # A batch of those that fill the pool may be on its way to a peer that is well.
        if settings is None or unsettled >= settings.high_water + settings.batch:
            raise _no_key(peer)

    def _count(self, peer: str) -> None:
        # Counted by this process alone, and not exactly: it is a hint, and every 30 seconds all pools are looked at.
        self._given[peer] = self._given.get(peer, 0) + 1
        settings = self._settings.find_system(peer)
        if settings is not None and self._given[peer] >= max(1, settings.low_water // 4):
            self._given[peer] = 0
            self._want_more(peer)


def _unknown(key_id: str) -> UnknownKeyError:
    return UnknownKeyError(
        f"No unspent key {key_id[:64]!r} of this remote system is here.",
        next_step="Ask the other provider for a new key: a key is given once.",
    )


def _no_key(peer: str) -> NoKeyNowError:
    return NoKeyNowError(f"Peer {peer} has confirmed no key that could be given.", next_step="Ask again in a while.")
