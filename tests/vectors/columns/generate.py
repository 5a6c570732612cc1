"""Writes the frozen vectors of column tokens; run once, with the `cryptography` library and nothing of ours.

    python tests/vectors/columns/generate.py > tests/vectors/columns/tokens-v1.json

Vectors are never generated again: a program that cannot read them cannot read what it wrote before.
"""

import base64
import hashlib
import hmac
import itertools
import json
from typing import Any

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

WRITTEN = 1_736_857_976
PLACES = [("shop", "usuarios", "_otp_secret"), ("", "crm.clientes", "telefone"), ("loja", "usuários", "chave_ção")]
ROWS = ["-", "1:5", "1:52:ab", "32:00112233445566778899aabbccddeeff"]
TEXTS = ["JBSWY3DPEHPK3PXP", "", "João 🔑", "x" * 300]


def fixed(name: str, size: int) -> bytes:
    return hashlib.shake_256(name.encode()).digest(size)


def prefixed(text: str) -> bytes:
    return len(text.encode()).to_bytes(4, "big") + text.encode()


def hkdf(key: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=info).derive(key)


def unpadded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def gcm(version: str, key: bytes, salt: bytes, place: tuple[str, str, str], row: str, text: str) -> str:
    where = b"".join(prefixed(part) for part in place)
    cipher = AESGCM(hkdf(key, salt, b"strongroom column aes-256-gcm 1" + where))
    nonce = fixed(f"nonce {version} {place} {row} {text}", 12)
    sealed = cipher.encrypt(nonce, text.encode(), where + prefixed(row) + prefixed(version))
    return f"{version}:g1.{unpadded(nonce + sealed)}"


def fernet(version: str, key: bytes, salt: bytes, text: str) -> str:
    made = Fernet(base64.urlsafe_b64encode(hkdf(key, salt, b"strongroom column fernet 1")))
    # The only way to a token that is the same tomorrow: the public call takes the time, not the vector.
    iv = fixed(f"iv {version} {text}", 16)
    return f"{version}:{made._encrypt_from_parts(text.encode(), WRITTEN, iv).decode()}"


def index(version: str, key: bytes, salt: bytes, place: tuple[str, str, str], text: str) -> str:
    where = b"".join(prefixed(part) for part in place)
    made = hmac.digest(hkdf(key, salt, b"strongroom column blind index 1" + where), text.encode(), hashlib.sha256)
    return f"{version}:{unpadded(made[:16])}"


def double(token: str) -> str:
    version, _, body = token.partition(":")
    return f"{version}:{base64.urlsafe_b64encode(body.encode()).decode()}"


def vectors() -> dict[str, Any]:
    versions = {name: (fixed(f"key {name}", 32), fixed(f"salt {name}", 16)) for name in ("v1", "v2-prod")}
    tokens = []
    for version, (key, salt) in versions.items():
        for text in TEXTS:
            token = fernet(version, key, salt, text)
            tokens.append({"form": "fernet", "version": version, "text": text, "token": token})
            tokens.append({"form": "double", "version": version, "text": text, "token": double(token)})
            for place, row in itertools.product(PLACES, ROWS):
                made = gcm(version, key, salt, place, row, text)
                tokens.append(
                    {"form": "gcm", "version": version, "place": place, "row": row, "text": text, "token": made}
                )
    indexes = [
        {"version": version, "place": place, "text": text, "index": index(version, key, salt, place, text)}
        for version, (key, salt) in versions.items()
        for place in PLACES
        for text in TEXTS
    ]
    keys = {name: {"key": key.hex(), "salt": salt.hex()} for name, (key, salt) in versions.items()}
    return {"versions": keys, "tokens": tokens, "indexes": indexes}


if __name__ == "__main__":
    print(json.dumps(vectors(), indent=1, ensure_ascii=False))
