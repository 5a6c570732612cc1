"""How recovery-wrap-v1.json was made. The file is frozen: a new layout gets a new file beside it.

python -m tests.vectors.keyring.generate_recovery > recovery-wrap-v1.json
"""

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from strongroom.keyring.provider import WrappedKey
from strongroom.keyring.recovery import RecoveryKekProvider
from strongroom.keyring.recovery_text import key_text
from strongroom.keyring.secret import SecretKey
from tests.vectors.keyring.generate import CONTEXT, KEY, CountingRandom

PRIVATE = SecretKey(bytes(range(100, 132)))


def main() -> None:
    json.dump(_document(), sys.stdout, indent=1, ensure_ascii=False)


def _document() -> dict[str, Any]:
    random = CountingRandom()
    provider = RecoveryKekProvider.of(PRIVATE, random)
    first, empty = provider.wrap(KEY, CONTEXT), provider.wrap(KEY, {})
    stranger = RecoveryKekProvider.of(SecretKey(bytes(32)), random).wrap(KEY, CONTEXT)
    return {
        "private": PRIVATE.reveal().hex(),
        "public": provider.public.hex(),
        "version": provider.current_version(),
        "text": key_text(PRIVATE),
        "unwrap": [_good("a context", first, CONTEXT), _good("empty context", empty, {}), *_refused(first, stranger)],
    }


def _refused(first: WrappedKey, stranger: WrappedKey) -> Iterator[dict[str, Any]]:
    body, version = first.ciphertext, first.version
    yield _vector("another context", version, {**CONTEXT, "purpose": "root"}, body, "wrong-key")
    yield _vector("another key", stranger.version, CONTEXT, stranger.ciphertext, "version-not-found")
    yield _vector("another key passed off as this one", version, CONTEXT, stranger.ciphertext, "wrong-key")
    yield _vector("flipped ephemeral key", version, CONTEXT, _flipped(body, 1), "wrong-key")
    yield _vector("ephemeral key of small order", version, CONTEXT, body[:1] + bytes(32) + body[33:], "wrong-key")
    yield _vector("flipped key", version, CONTEXT, _flipped(body, 40), "wrong-key")
    yield _vector("flipped tag", version, CONTEXT, _flipped(body, 80), "wrong-key")
    yield _vector("unknown layout", version, CONTEXT, b"\x02" + body[1:], "format")
    yield _vector("cut short", version, CONTEXT, body[:-1], "format")
    yield _vector("too long", version, CONTEXT, body + b"\x00", "format")
    yield _vector("empty", version, CONTEXT, b"", "format")


def _flipped(body: bytes, at: int) -> bytes:
    return body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]


def _good(name: str, wrapped: WrappedKey, context: Mapping[str, str]) -> dict[str, Any]:
    return _vector(name, wrapped.version, context, wrapped.ciphertext, "key") | {"key": KEY.reveal().hex()}


def _vector(name: str, version: str, context: Mapping[str, str], body: bytes, outcome: str) -> dict[str, Any]:
    return {"name": name, "version": version, "context": context, "ciphertext": body.hex(), "outcome": outcome}


if __name__ == "__main__":
    main()
