"""Where objects lie: the key of every kind of object, in one place."""

from uuid import UUID

REPOSITORY_KEY = "repo"
ROOT_SLOTS = "keys/repo/"
RECOVERY = "_recovery"
"""What stands in a key slot's name in place of a region; no region can be called so."""
COMMITS = "c/"
KEYS = "keys/"
MANIFESTS = "m/"
PACKS = "p/"
SESSIONS = "s/"
TOMBSTONES = "x/"
CHECKPOINTS = "k/"
RECEIPTS = "e/"


def pack_key(session_id: UUID, sha256: bytes) -> str:
    """Name a pack by its session and the SHA-256 of its stored bytes, fanned out over 256 prefixes."""
    return f"{session_pack_prefix(session_id)}{sha256.hex()}.pk"


def session_pack_prefix(session_id: UUID) -> str:
    """Name the prefix of every pack that one session wrote."""
    session = session_id.hex
    return f"{PACKS}{session[-2:]}/{session}/"


def session_key(session_id: UUID) -> str:
    """Name the marker of a writing session."""
    return f"{SESSIONS}{session_id.hex}"


def manifest_key(source: str, backup_id: UUID, session_id: UUID) -> str:
    """Name the manifest that one session wrote for a backup."""
    return f"{MANIFESTS}{source}/{backup_id.hex}.{session_id.hex}.mf"


def commit_key(source: str, backup_id: UUID) -> str:
    """Name the one commit (or abort) record of a backup."""
    return f"{COMMITS}{source}/{backup_id.hex}"


def tombstone_key(source: str, backup_id: UUID) -> str:
    """Name the record that says a backup has been retired."""
    return f"{TOMBSTONES}{source}/{backup_id.hex}"


def receipt_key(source: str, backup_id: UUID) -> str:
    """Name the record that says a backup's keys were destroyed."""
    return f"{RECEIPTS}{source}/{backup_id.hex}"


def all_slots(backup_id: UUID) -> str:
    """Name the prefix of every key slot of a backup, whichever session wrote it."""
    return f"{KEYS}{backup_id.hex}/"


def backup_slots(backup_id: UUID, session_id: UUID) -> str:
    """Name the prefix of the key slots that one session wrote for a backup."""
    return f"{KEYS}{backup_id.hex}/{session_id.hex}."


def slot_key(prefix: str, region: str, version: str) -> str:
    """Name one key slot: the KEK of which region, in which version, opens it."""
    return f"{prefix}{region}.{version}"


def slot_parts(key: str) -> tuple[str, str, str] | None:
    """Read a key slot's name: the backup's hexadecimal id (or `repo`), region, KEK version; None for any other name."""
    folder, _, name = key.removeprefix(KEYS).partition("/")
    owner = name if folder == ROOT_SLOTS.removeprefix(KEYS).strip("/") else name.partition(".")[2]
    region, dot, version = owner.rpartition(".")
    return (folder, region, version) if key.startswith(KEYS) and dot and region and version else None


def checkpoint_prefix(session_id: UUID) -> str:
    """Name the prefix of what a session wrote down for the attempt after it."""
    return f"{CHECKPOINTS}{session_id.hex}/"


def checkpoint_key(session_id: UUID, number: int) -> str:
    """Name one checkpoint of a session; they are numbered from 0."""
    return f"{checkpoint_prefix(session_id)}{number:08}"
