"""Finding out whether a store keeps the promises that commits rest on."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from strongroom.clock import RandomBytes
from strongroom.storage.errors import ObjectExistsError, UnsafeStoreError
from strongroom.storage.store import Capabilities, Store
from strongroom.tracing import same_ids

RACERS = 8


def probe_store(store: Store, random: RandomBytes) -> Capabilities:
    """Race for one new key from 8 threads and confirm what won; raises UnsafeStoreError.

    A race that ends well does not prove atomicity, but stores that only look for the key before they write fail it.
    """
    key = f"probe/{random(16).hex()}"
    bodies = [bytes([racer]) + random(63) for racer in range(RACERS)]
    try:
        winner = _only_winner(store, key, bodies)
        _verify_kept(store, key, winner)
        evidence = store.confirm(key, size=len(winner), sha256=hashlib.sha256(winner).digest())
    finally:
        store.delete(key)
    return Capabilities(create_if_absent=True, evidence=evidence)


def _only_winner(store: Store, key: str, bodies: Sequence[bytes]) -> bytes:
    def wins(body: bytes) -> bool:
        try:
            store.create(key, body, sha256=hashlib.sha256(body).digest())
        except ObjectExistsError:
            return False
        return True

    with ThreadPoolExecutor(len(bodies), initializer=same_ids()) as racers:
        winners = [body for body, won in zip(bodies, racers.map(wins, bodies), strict=True) if won]
    if len(winners) != 1:
        raise _unsafe(store, f"let {len(winners)} of {len(bodies)} writers create the same object")
    return winners[0]


def _verify_kept(store: Store, key: str, winner: bytes) -> None:
    if store.get(key) != winner:
        raise _unsafe(store, "kept another object than the one it said it created")
    with suppress(ObjectExistsError):
        store.create(key, b"late", sha256=hashlib.sha256(b"late").digest())
        raise _unsafe(store, "created an object over an existing one")


def _unsafe(store: Store, finding: str) -> UnsafeStoreError:
    return UnsafeStoreError(
        f"The store of region {store.region} {finding}, so two jobs could commit the same backup.",
        next_step="Use a store with atomic create-if-absent: S3 with If-None-Match, or a disk with hard links.",
        region=store.region,
    )
