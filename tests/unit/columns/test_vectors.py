"""The frozen tokens open, and what is written now opens with the `cryptography` library alone."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Column, MetaData, Table

from strongroom.columnkeys.holder import KeyRingHolder
from strongroom.columnkeys.ring import KeyRing, KeyState, KeyVersion
from strongroom.columns import BlindIndex, EncryptedString
from strongroom.columns.cipher import ColumnCipher
from strongroom.columns.errors import TokenRefusedError
from strongroom.columns.in_use import PROCESS, KeyringInUse
from strongroom.columns.place import Binding, ColumnPlace, TokenFormat

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "columns" / "tokens-v1.json").read_text(encoding="utf-8")
)


def ring(active: str) -> KeyRing:
    versions = {
        name: KeyVersion(
            name,
            KeyState.ACTIVE if name == active else KeyState.DECRYPT_ONLY,
            bytes.fromhex(held["key"]),
            bytes.fromhex(held["salt"]),
        )
        for name, held in VECTORS["versions"].items()
    }
    return KeyRing(versions, active)


class Held:
    """A source of one ring."""

    def __init__(self, held: KeyRing) -> None:
        self.held = held

    def load(self) -> KeyRing:
        return self.held


def cipher(vector: dict[str, Any], form: TokenFormat) -> ColumnCipher:
    place = ColumnPlace(*vector.get("place", ("any", "table", "column")))
    binding = Binding.COLUMN if vector.get("row", "-") == "-" else Binding.ROW
    return ColumnCipher(ring(vector["version"]), place, format=form, binding=binding)


def derived(version: str, info: bytes) -> bytes:
    held = VECTORS["versions"][version]
    salt, key = bytes.fromhex(held["salt"]), bytes.fromhex(held["key"])
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=info).derive(key)


def prefixed(text: str) -> bytes:
    return len(text.encode()).to_bytes(4, "big") + text.encode()


@pytest.mark.parametrize("form", ["gcm", "fernet", "double"])
def test_every_frozen_token_opens(form: str):
    vectors = [vector for vector in VECTORS["tokens"] if vector["form"] == form]
    assert len(vectors) >= 8

    for vector in vectors:
        assert cipher(vector, TokenFormat.AES_GCM).decrypt(vector["token"], vector.get("row")) == vector["text"]


def test_a_frozen_token_opens_in_no_other_row():
    for vector in VECTORS["tokens"]:
        if vector["form"] == "gcm":
            with pytest.raises(TokenRefusedError):
                ColumnCipher(
                    ring("v1"), ColumnPlace("", "", ""), format=TokenFormat.AES_GCM, binding=Binding.ROW
                ).decrypt(vector["token"], vector["row"])


def test_a_row_bound_token_opens_with_the_cryptography_library_alone():
    for vector in VECTORS["tokens"]:
        if vector["form"] != "gcm":
            continue
        token = cipher(vector, TokenFormat.AES_GCM).encrypt(vector["text"], vector["row"])

        version, _, body = token.partition(":g1.")
        sealed = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
        where = b"".join(map(prefixed, vector["place"]))
        opener = AESGCM(derived(version, b"strongroom column aes-256-gcm 1" + where))
        aad = where + prefixed(vector["row"]) + prefixed(version)
        assert opener.decrypt(sealed[:12], sealed[12:], aad).decode() == vector["text"]


def test_a_fernet_token_opens_with_the_cryptography_library_alone():
    for vector in VECTORS["tokens"]:
        token = cipher(vector, TokenFormat.FERNET).encrypt(vector["text"], None)

        version, _, body = token.partition(":")
        opener = Fernet(base64.urlsafe_b64encode(derived(version, b"strongroom column fernet 1")))
        assert opener.decrypt(body).decode() == vector["text"]


def test_every_frozen_index_is_made_again():
    assert len(VECTORS["indexes"]) >= 20

    for vector in VECTORS["indexes"]:
        app, name, column = vector["place"]
        schema, _, table = name.rpartition(".")
        indexed = Table(
            table,
            MetaData(),
            Column("text", EncryptedString(), key="text"),
            Column("index", BlindIndex("text")),
            schema=schema or None,
        )
        indexed.c.text.type.known_as = f"{name}.{column}"
        PROCESS.hold(KeyringInUse(KeyRingHolder(Held(ring(vector["version"]))), app))
        assert indexed.c.index.type.values(vector["text"])[0] == vector["index"]
    PROCESS.hold(None)
