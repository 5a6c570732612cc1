"""The data key of one session: made by the home region's KEK and kept in key slots, one for each region."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from strongroom.keyring.provider import KekProvider, WrappedKey
from strongroom.keyring.secret import SecretKey
from strongroom.repository.access import Repository
from strongroom.repository.layout import slot_key
from strongroom.repository.objects import put_object
from strongroom.repository.session import BackupIdentity
from strongroom.repository.slots import backup_context
from strongroom.storage.store import Store


@dataclass(frozen=True, slots=True)
class DataKey:
    """A data key, the context its slots authenticate, and its first slot, that of the home region."""

    secret: SecretKey = field(repr=False)
    context: dict[str, str]
    home: str
    wrapped: WrappedKey


def make_data_key(repo_id: UUID, identity: BackupIdentity, keks: Mapping[str, KekProvider]) -> DataKey:
    """Have the home region's KEK (the first) make a data key; raises the keyring's errors."""
    home = next(iter(keks))
    context = session_context(repo_id, identity)
    secret, wrapped = keks[home].generate(context)
    return DataKey(secret, context, home, wrapped)


def session_context(repo_id: UUID, identity: BackupIdentity) -> dict[str, str]:
    """Return the KEK context of the data key of a session."""
    return backup_context(
        repo_id,
        {
            "source": identity.source,
            "backup": str(identity.backup_id),
            "session": str(identity.session_id),
            "policy": identity.policy,
        },
    )


def put_slot(repository: Repository, store: Store, prefix: str, slot: tuple[str, WrappedKey, dict[str, str]]) -> None:
    """Store a key slot below a prefix: region, wrapped key and its context."""
    region, wrapped, context = slot
    put_object(store, slot_key(prefix, region, wrapped.version), repository.seal_slot(region, wrapped, context))
