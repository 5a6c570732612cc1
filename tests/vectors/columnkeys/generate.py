"""Writes the vectors of the file of column keys and of its sealed copies, with hashlib and `cryptography` alone.

    python -m tests.vectors.columnkeys.generate

Vectors of old versions stay for ever: a change of the format gets a folder of its own.
"""

import base64
import hashlib
import hmac
import json
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FOLDER = Path(__file__).parent
PASSPHRASE = "correct horse battery staple"
KEYS = {"v1": bytes(range(32)), "v2-prod": bytes(range(32, 64))}
SALTS = {"v1": bytes(range(100, 116)), "v2-prod": bytes(range(120, 136))}
STATES = {"v1": "decrypt_only", "v2-prod": "active"}
MADE = "2026-01-14T12:34:56Z"


def text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def check(key: bytes) -> bytes:
    return hmac.digest(key, b"strongroom column key check 1", hashlib.sha256)[:8]


def prefixed(parts: list[bytes]) -> bytes:
    return b"".join(len(part).to_bytes(2, "big") + part for part in parts)


def ring_file() -> bytes:
    lines = ["# Generated at 2026-01-14T12:34:56Z", "", 'ACTIVE_ENCRYPTION_VERSION="v2-prod"']
    for name, key in KEYS.items():
        said = {
            "KEYS": text(key),
            "SALT": text(SALTS[name]),
            "SALT_HASH": hashlib.sha256(SALTS[name]).hexdigest(),
            "STATE": STATES[name],
            "CHECK": check(key).hex(),
            "CREATED": MADE,
            "CHANGED": MADE,
        }
        lines += [f'ENCRYPTION_{entry}__{name}="{value}"' for entry, value in said.items()]
    lines.append('ENCRYPTION_STATE__v0="destroyed"')
    covered = ("\n".join(lines) + "\n").encode()
    parts = [b"strongroom column key file mac 1", b"v0", b""]
    for name, key in KEYS.items():
        parts += [name.encode(), key]
    mac = hmac.digest(hashlib.sha256(prefixed(parts)).digest(), covered, hashlib.sha256).hex()
    return covered + f'ENCRYPTION_FILE_MAC="{mac}"\n'.encode()


def fingerprint() -> str:
    parts = [b"strongroom column key ring fingerprint 1", b"v2-prod"]
    parts += [b"v0", b"destroyed", check(b"").hex().encode(), hashlib.sha256(b"").digest()]
    for name, key in KEYS.items():
        parts += [name.encode(), STATES[name].encode(), check(key).hex().encode(), hashlib.sha256(SALTS[name]).digest()]
    return hashlib.sha256(prefixed(parts)).digest()[:16].hex()


def canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def sealed_copy(content: bytes) -> bytes:
    head = {"made": "2026-01-14T12:34:56+00:00", "ring": fingerprint()}
    holds, secret, nonce = sorted(KEYS), bytes(range(200, 232)), bytes(12)
    salt, slot_nonce, cost = bytes(16), bytes(range(12)), bytes((1, 10, 8, 1))
    wrapping = hashlib.scrypt(PASSPHRASE.encode(), salt=salt, n=1 << 10, r=8, p=1, dklen=32)
    slot_aad = b"\n".join((b"strongroom-passphrase 1", cost, canonical(head)))
    slot = cost + salt + slot_nonce + AESGCM(wrapping).encrypt(slot_nonce, secret, slot_aad)
    aad = canonical({"format": "strongroom-sealed-key-ring", "version": 1, "holds": holds, **head})
    whole = {
        "format": "strongroom-sealed-key-ring",
        "version": 1,
        "made": MADE,
        "ring": head["ring"],
        "holds": holds,
        "slots": [{"provider": "passphrase", "version": "scrypt", "wrapped": text(slot)}],
        "nonce": text(nonce),
        "sealed": text(AESGCM(secret).encrypt(nonce, content, aad)),
    }
    return json.dumps(whole, indent=2).encode() + b"\n"


def main() -> None:
    content = ring_file()
    (FOLDER / "ring.env").write_bytes(content)
    (FOLDER / "sealed_copy.json").write_bytes(sealed_copy(content))


if __name__ == "__main__":
    main()
