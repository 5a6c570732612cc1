"""What an encrypted column costs a value, beside the bare AEAD calls: `make bench-columns`.

Bare is the least a row can do: a nonce, AES-256-GCM with the same length of text and with associated data, base64 text,
and the way back. A row-bound column is compared with associated data made for each row, a column-bound one with data
that is always the same, since that is what each has to authenticate. The column's figure is that of the processors
SQLAlchemy calls, one value bound and one result read. Rounds alternate; the fastest round of each counts.
"""

import binascii
import os
import time
from collections.abc import Callable
from typing import Any

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Column, Dialect, Integer, MetaData, Table
from sqlalchemy.dialects import postgresql

from strongroom.clock import system_random
from strongroom.columnkeys.ring import KeyRing, KeyState, KeyVersion
from strongroom.columns import EncryptedString, derivation, use_keyring
from strongroom.columns.sealing import Sealing

GOAL = 1.3
ROUNDS, VALUES = 1000, 200
TEXT = "s" * 60
KEY, ROW = 5, "1:5"
# App, table, column, row and version, each with four bytes of length.
ASSOCIATED = "????bench????users????secret????1:5????v1"
TO_URL, FROM_URL = bytes.maketrans(b"+/", b"-_"), bytes.maketrans(b"-_", b"+/")


class OneRing:
    """A source of one version."""

    def load(self) -> KeyRing:
        version = KeyVersion("v1", KeyState.ACTIVE, system_random(32), system_random(16))
        return KeyRing({"v1": version}, "v1")


def processors(type_: EncryptedString) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """Return what SQLAlchemy calls for a parameter and for a result of such a column."""
    table = Table("users", MetaData(), Column("id", Integer, primary_key=True), Column("secret", type_))
    dialect: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # it ships no type for this
    impl = table.c.secret.type.dialect_impl(dialect)
    bind, result = impl.bind_processor(dialect), impl.result_processor(dialect, None)
    assert bind is not None
    assert result is not None
    return bind, result


def there_and_back(type_: EncryptedString, value: object, before: str) -> Callable[[], str]:
    """Return one value bound and one result read; `before` is what the database puts in front of a row-bound token."""
    bind, result = processors(type_)
    stored = before + str(bind(value))

    def call() -> str:
        bind(value)
        read: str = result(stored)
        return read

    return call


def bare_by_row() -> Callable[[], str]:
    """Return the bare AEAD calls with associated data of the row, as long as the column's."""
    cipher, row, (head, tail) = AESGCM(os.urandom(32)), ROW, ASSOCIATED.split("1:5")

    def call() -> str:
        nonce = os.urandom(12)
        sealed = nonce + cipher.encrypt(nonce, TEXT.encode(), f"{head}{row}{tail}".encode())
        token = binascii.b2a_base64(sealed, newline=False).translate(TO_URL).rstrip(b"=").decode()
        read = binascii.a2b_base64(token.encode().translate(FROM_URL) + b"==")
        return cipher.decrypt(read[:12], read[12:], f"{head}{row}{tail}".encode()).decode()

    return call


def bare_by_column() -> Callable[[], str]:
    """Return the bare AEAD calls with associated data that is always the same."""
    cipher, always = AESGCM(os.urandom(32)), ASSOCIATED.encode()

    def call() -> str:
        nonce = os.urandom(12)
        sealed = nonce + cipher.encrypt(nonce, TEXT.encode(), always)
        token = binascii.b2a_base64(sealed, newline=False).translate(TO_URL).rstrip(b"=").decode()
        read = binascii.a2b_base64(token.encode().translate(FROM_URL) + b"==")
        return cipher.decrypt(read[:12], read[12:], always).decode()

    return call


def bare_fernet() -> Callable[[], str]:
    """Return the bare Fernet calls."""
    fernet = Fernet(Fernet.generate_key())
    return lambda: fernet.decrypt(fernet.encrypt(TEXT.encode()).decode()).decode()


def fastest(calls: dict[str, Callable[[], str]]) -> dict[str, float]:
    """Return microseconds a value, from the fastest round of each."""
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(ROUNDS):
        for name, call in calls.items():
            start = time.thread_time()
            for _ in range(VALUES):
                call()
            best[name] = min(best[name], (time.thread_time() - start) / VALUES * 1e6)
    return best


def main() -> None:
    """Measure and print; ends with 1 when a goal is missed or a key was derived for a value."""
    use_keyring(OneRing(), app="bench", reload_seconds=3600)
    pairs = {
        "row-bound AES-256-GCM": (
            there_and_back(EncryptedString(length=500), Sealing(TEXT, ROW), f"{KEY}|"),
            bare_by_row(),
        ),
        "column-bound AES-256-GCM": (
            there_and_back(EncryptedString(length=500, binding="column"), Sealing(TEXT), ""),
            bare_by_column(),
        ),
        "Fernet": (there_and_back(EncryptedString(length=500, format="fernet"), Sealing(TEXT), ""), bare_fernet()),
    }
    for column, _ in pairs.values():
        column()
    derived = counting_derivations()
    ratios = {name: report(name, *both) for name, both in pairs.items()}
    print(f"keys derived for {len(pairs) * ROUNDS * VALUES:,} values that went there and back: {len(derived)}")
    raise SystemExit(bool(derived) or max(ratios.values()) > GOAL)


def report(name: str, column: Callable[[], str], bare: Callable[[], str]) -> float:
    """Measure a column and its bare calls side by side, print both, and return their ratio."""
    best = fastest({"column": column, "bare": bare})
    ratio = best["column"] / best["bare"]
    print(f"{name:26} {best['column']:6.2f} us  bare {best['bare']:6.2f} us  {ratio:5.2f} x (at most {GOAL})")
    return ratio


def counting_derivations() -> list[bytes]:
    """Return a list that grows with every key that is derived from now on."""
    seen: list[bytes] = []
    real = derivation.derive

    def counted(version: KeyVersion, info: bytes) -> bytes:
        seen.append(info)
        return real(version, info)

    derivation.derive = counted
    return seen


if __name__ == "__main__":
    main()
