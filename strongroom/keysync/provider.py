"""A key provider as one process opens it: everything that works on the keys of one installation."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from strongroom.catalog.session import Catalog
from strongroom.clock import Clock, RandomBytes, random_at_once
from strongroom.keysync.accepting import Lives
from strongroom.keysync.delivery import Delivery, Stock
from strongroom.keysync.images import leave_no_image
from strongroom.keysync.keeping import Keeper
from strongroom.keysync.linking import Link
from strongroom.keysync.pool import Pool, PoolRules
from strongroom.keysync.psks import Psks
from strongroom.keysync.sealing import Sealers
from strongroom.keysync.store import KeyStore
from strongroom.services import Services
from strongroom.settings.skip import SkipSettings


@dataclass(frozen=True, slots=True)
class Provider:
    """The parts of a key provider; safe to share between the threads of a process."""

    settings: SkipSettings
    catalog: Catalog
    clock: Clock
    random: RandomBytes
    sealers: Sealers
    psks: Psks
    store: KeyStore
    pool: Pool
    link: Link
    delivery: Delivery
    lives: Lives


def open_provider(
    services: Services,
    make_link: Callable[[Keeper], Link],
    *,
    want_more: Callable[[str], None] = lambda _: None,
    entropy: RandomBytes = random_at_once,
) -> Provider:
    """Put the parts together; connects to nothing. Raises SkipNotConfiguredError.

    A process that holds keys leaves no image of its memory, from here on. `want_more` is told the system id of a peer
    whose pool goes down, and never raises. `entropy` is what encryptors are given that ask for it; it raises OSError
    where it has none.
    """
    settings = services.settings.require_skip()
    leave_no_image()
    catalog, clock, random = services.catalog, services.clock, services.random
    ttl, window = timedelta(seconds=settings.key_ttl_seconds), timedelta(seconds=settings.window_seconds)
    lives = Lives(ttl, window, settings.most_held)
    sealers = Sealers(catalog, services.keks, clock, random)
    psks = Psks(catalog, services.keks, clock, random)
    store = KeyStore(catalog, clock, random, sealers=sealers, psks=psks, lives=lives)
    pool = Pool(store, sealers, catalog, clock, random, PoolRules(settings.system_id, lives))
    link = make_link(store)
    stock = Stock(catalog, store, sealers, pool, link)
    delivery = Delivery(settings, stock, clock=clock, entropy=entropy, want_more=want_more)
    return Provider(settings, catalog, clock, random, sealers, psks, store, pool, link, delivery, lives)
