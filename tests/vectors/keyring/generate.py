"""How local-wrap-v1.json was made. The file is frozen: a new layout gets a new file beside it.

python -m tests.vectors.keyring.generate > local-wrap-v1.json
"""

import itertools
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from strongroom.keyring.key_file import KeyFile
from strongroom.keyring.local import LocalKekProvider
from strongroom.keyring.provider import WrappedKey
from strongroom.keyring.secret import SecretKey

CONTEXT = {"repo": "0197", "source": "größe", "backup": "0198", "policy": "critical-data", "purpose": "backup"}
KEY = SecretKey(bytes(range(32)))


class CountingRandom:
    """Bytes 0, 1, 2, ... around the clock."""

    def __init__(self) -> None:
        self._next = itertools.cycle(range(256))

    def __call__(self, count: int) -> bytes:
        return bytes(itertools.islice(self._next, count))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        json.dump(_document(Path(folder) / "keys.json"), sys.stdout, indent=1, ensure_ascii=False)


def _document(path: Path) -> dict[str, Any]:
    random = CountingRandom()
    key_file = KeyFile.create(path, ["home", "other"], random)
    provider = LocalKekProvider(key_file, "home", random)
    first = provider.wrap(KEY, CONTEXT)
    empty = provider.wrap(KEY, {})
    foreign = LocalKekProvider(key_file, "other", random).wrap(KEY, CONTEXT)
    key_file.rotate("home", random)
    second = provider.wrap(KEY, CONTEXT)
    good = [_good("first version", first), _good("empty context", empty, {}), _good("second version", second)]
    return {
        "key_file": json.loads(path.read_bytes()),
        "kek": "home",
        "unwrap": [*good, *_refused(first, foreign)],
    }


def _refused(first: WrappedKey, foreign: WrappedKey) -> Iterator[dict[str, Any]]:
    body = first.ciphertext
    yield _vector("another context", first, {**CONTEXT, "purpose": "root"}, "wrong-key")
    yield _vector("another KEK", foreign, CONTEXT, "wrong-key")
    yield _vector("passed off as v2", WrappedKey("local", "v2", body), CONTEXT, "wrong-key")
    yield _vector("unknown version", WrappedKey("local", "v3", body), CONTEXT, "version-not-found")
    yield _vector("flipped nonce", _with(bytes([body[0], body[1] ^ 1]) + body[2:]), CONTEXT, "wrong-key")
    yield _vector("flipped key", _with(body[:20] + bytes([body[20] ^ 1]) + body[21:]), CONTEXT, "wrong-key")
    yield _vector("flipped tag", _with(body[:-1] + bytes([body[-1] ^ 1])), CONTEXT, "wrong-key")
    yield _vector("unknown layout", _with(b"\x02" + body[1:]), CONTEXT, "format")
    yield _vector("cut short", _with(body[:-1]), CONTEXT, "format")
    yield _vector("too long", _with(body + b"\x00"), CONTEXT, "format")
    yield _vector("empty", _with(b""), CONTEXT, "format")


def _with(ciphertext: bytes) -> WrappedKey:
    return WrappedKey("local", "v1", ciphertext)


def _good(name: str, wrapped: WrappedKey, context: Mapping[str, str] = CONTEXT) -> dict[str, Any]:
    return _vector(name, wrapped, context, "key") | {"key": KEY.reveal().hex()}


def _vector(name: str, wrapped: WrappedKey, context: Mapping[str, str], outcome: str) -> dict[str, Any]:
    ciphertext = wrapped.ciphertext.hex()
    return {
        "name": name,
        "version": wrapped.version,
        "context": context,
        "ciphertext": ciphertext,
        "outcome": outcome,
    }


if __name__ == "__main__":
    main()
