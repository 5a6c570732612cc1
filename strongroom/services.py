"""What a capability is given to work with; built once by a process's Runtime and handed down."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from strongroom.catalog.session import Catalog
from strongroom.clock import Clock, RandomBytes
from strongroom.jobs.ledger import Ledger
from strongroom.keyring.provider import KekProvider
from strongroom.purposekeys.keys import PurposeKeys
from strongroom.repository.access import Repository
from strongroom.settings import Settings
from strongroom.storage.store import Store

# Few commands open the keys of encrypted columns.
if TYPE_CHECKING:
    from strongroom.columnkeys.ring import KeyRing


@dataclass(frozen=True, slots=True)
class Services:
    """The catalog, the ledger and the regions of one process.

    `stores` and `keks` are keyed by region name, home first; they open on first use, so that a command which only reads
    the catalog needs neither a key nor a bucket.
    """

    settings: Settings
    clock: Clock
    random: RandomBytes
    catalog: Catalog
    ledger: Ledger
    stores: Mapping[str, Store]
    keks: Mapping[str, KekProvider]
    open_repository: Callable[[], Repository]
    open_ring: "Callable[[], KeyRing]"
    """Loads the ring of column keys as it is now."""
    purpose_keys: PurposeKeys
