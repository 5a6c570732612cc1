"""What opens messages between key providers, written from docs/skip-wire.md alone: it uses no line of Strongroom."""

import hashlib
import hmac
import json
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import zstandard
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

LABEL = b"strongroom skip-sync v2 epoch"
SALT = b"strongroom skip-sync v2"


def lp(*parts: str | bytes) -> bytes:
    """Return the parts, each after its length."""
    raw = [part.encode() if isinstance(part, str) else part for part in parts]
    return b"".join(len(part).to_bytes(2, "big") + part for part in raw)


def unpadded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def derived(secret: bytes, purpose: str, sender: str, receiver: str) -> bytes:
    """Return the key of one purpose and direction."""
    return HKDF(SHA256(), 32, salt=SALT, info=lp(purpose, sender, receiver)).derive(secret)


def open_message(text: str, secret: bytes, epoch: bytes | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and plaintext of a message of profile v2; raises ValueError or InvalidTag."""
    message = json.loads(text)
    header = json.loads(unpadded(message["protected"]))
    way, ack = (header["sender"], header["receiver"]), "ack " * (header["type"] == "ack")
    signed = f"{message['protected']}.{message['ciphertext']}".encode()
    mac = hmac.digest(derived(secret, f"{ack}mac", *way), signed, "sha256")
    if not hmac.compare_digest(mac, unpadded(message["mac"])):
        raise ValueError("the MAC is wrong")
    if (epoch is None) != (header["epoch"] == 0):
        raise ValueError("the epoch is another")
    base = derived(secret, f"{ack}enc", *way)
    if epoch is not None:
        base = HKDFExpand(SHA256(), 32, info=lp("enc", *way)).derive(epoch)
    made = HKDFExpand(SHA256(), 44, info=lp("message", header["msg_id"])).derive(base)
    plain = AESGCM(made[:32]).decrypt(made[32:], unpadded(message["ciphertext"]), unpadded(message["protected"]))
    if header.get("zip") == "zstd":
        plain = zstandard.ZstdDecompressor().decompress(plain, max_output_size=512 * 1024)
    return header, json.loads(plain)


def epoch_secret(answer: dict[str, Any], seeds: tuple[bytes, bytes], secret: bytes, way: tuple[str, str]) -> bytes:
    """Return the secret of the epoch in an ack, for the requester whose private key these seeds make."""
    mlkem, x25519 = MLKEM768PrivateKey.from_seed_bytes(seeds[0]), X25519PrivateKey.from_private_bytes(seeds[1])
    public = mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()
    sealed = b64decode(answer["sealed"])
    suite = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    fresh = suite.decrypt(sealed, MLKEM768X25519PrivateKey(mlkem, x25519), info=lp(LABEL, *way))
    transcript = hashlib.sha256(lp(public, sealed)).digest()
    info = lp(LABEL, *way, answer["number"].to_bytes(4, "big"), transcript)
    return HKDF(SHA256(), 32, salt=LABEL, info=info).derive(lp(secret, fresh))


def proof_of(key: bytes, secret: bytes, sender: str, receiver: str) -> str:
    """Return what an ack says of a key that its sender keeps."""
    return hmac.digest(derived(secret, "kcv", sender, receiver), key, "sha256")[:16].hex()


def open_v1(text: str, secret: bytes) -> dict[str, Any]:
    """Return the payload of a message of profile v1, with the key of a key_sync in clear; raises ValueError."""
    message = json.loads(text)
    signed = json.dumps(message | {"signature": None}, sort_keys=True).encode("ascii")
    if not hmac.compare_digest(hmac.digest(secret, signed, "sha256").hex(), message["signature"]):
        raise ValueError("the signature is wrong")
    payload: dict[str, Any] = message["payload"]
    if message["message_type"] == "key_sync":
        ids = "|".join(sorted((message["sender_id"], message["receiver_id"])))
        raw = HKDF(SHA256(), 32, salt=b"skip-sync/v1", info=f"fernet|{ids}".encode()).derive(secret)
        payload["key"] = bytes.fromhex(Fernet(urlsafe_b64encode(raw)).decrypt(b64decode(payload["key_data"])).decode())
    return payload
