"""What is derived from the repository's root secret: the signing key, chunk-id keys and cut seeds.

The root secret is 32 random bytes. HKDF-SHA256 with the repository id as salt and one info string per purpose gives
every key below. It never encrypts data, so shredding a backup does not depend on it.
"""

from dataclasses import dataclass, field
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from strongroom.keyring.secret import SecretKey

_SEED_BITS = 63


def derive_key(secret: SecretKey, repo_id: UUID, purpose: str) -> bytes:
    """Return 32 bytes for one purpose: HKDF-SHA256, salt = repository id, info = "strongroom/1/" + purpose."""
    info = b"strongroom/1/" + purpose.encode()
    return HKDF(algorithm=SHA256(), length=32, salt=repo_id.bytes, info=info).derive(secret.reveal())


def signing_key(root: SecretKey, repo_id: UUID) -> Ed25519PrivateKey:
    """Return the key that signs records and manifests."""
    return Ed25519PrivateKey.from_private_bytes(derive_key(root, repo_id, "sign"))


@dataclass(frozen=True, slots=True)
class SourceKeys:
    """The keys of one source: BLAKE3 keys of chunk ids and of digests of contents, and the seed of the cut points.

    The seed is 1 to 2^63 - 1, as the chunker shifts it left by one.
    """

    chunk_id: bytes = field(repr=False)
    content: bytes = field(repr=False)
    cut_seed: int = field(repr=False)
    growing: bytes = field(repr=False)


def source_keys(root: SecretKey, repo_id: UUID, source: str) -> SourceKeys:
    """Derive the keys of a source, so that equal data in two sources cannot be recognised as equal."""
    return SourceKeys(
        chunk_id=derive_key(root, repo_id, f"chunk-id/{source}"),
        content=derive_key(root, repo_id, f"content/{source}"),
        cut_seed=int.from_bytes(derive_key(root, repo_id, f"cut/{source}")[:8], "big") % ((1 << _SEED_BITS) - 1) + 1,
        growing=derive_key(root, repo_id, f"growing/{source}"),
    )
