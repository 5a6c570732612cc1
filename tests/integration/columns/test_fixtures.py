"""Other programs write rows that the column type reads, and read what it writes; no key is derived for a value."""

import base64
import itertools

import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Engine, bindparam, select, text
from sqlalchemy.orm import Session

from strongroom.columns import derivation
from strongroom.columns.errors import RowUnknownError, TokenUnboundError
from tests.integration.columns.conftest import Keys
from tests.integration.columns.shop import Legacy, User, stored
from tests.unit.columns.rings import fixed

SECRET = "JBSWY3DPEHPK3PXP"


def derived(info: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=fixed("salt v1", 16), info=info).derive(fixed("key v1", 32))


def prefixed(*parts: str) -> bytes:
    return b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)


def fernet() -> Fernet:
    return Fernet(base64.urlsafe_b64encode(derived(b"strongroom column fernet 1")))


def gcm(table: str, column: str) -> AESGCM:
    return AESGCM(derived(b"strongroom column aes-256-gcm 1" + prefixed("shop", table, column)))


def others(row: str) -> list[str]:
    """Return a token in each form, made by the cryptography library alone."""
    token = fernet().encrypt(SECRET.encode()).decode()
    nonce = fixed("nonce", 12)
    aad = prefixed("shop", "usuarios", "_otp_secret", row, "v1")
    sealed = nonce + gcm("usuarios", "_otp_secret").encrypt(nonce, SECRET.encode(), aad)
    twice = base64.urlsafe_b64encode(token.encode()).decode()
    return [f"v1:{token}", f"v1:{twice}", f"v1:g1.{base64.urlsafe_b64encode(sealed).decode().rstrip('=')}"]


def put(engine: Engine, table: str, column: str, tokens: list[str]) -> None:
    with engine.begin() as connection:
        for number, token in enumerate(tokens, start=1):
            connection.execute(text(f"INSERT INTO {table} (id, {column}) VALUES (:id, :t)"), {"id": number, "t": token})


def test_all_forms_are_read_in_one_column_and_a_write_upgrades_them(engine: Engine):
    put(engine, "usuarios", "_otp_secret", others("1:3"))

    with Session(engine) as session, session.begin():
        users = session.scalars(select(User).order_by(User.id)).all()
        assert [user.otp_secret for user in users] == [SECRET] * 3
        users[1].otp_secret = "changed"
    tokens = [str(stored(engine, "_otp_secret", "usuarios", number)[0])[:8] for number in (1, 2, 3)]

    assert [token[3:6] for token in tokens] == ["gAA", "g1.", "g1."]
    with Session(engine) as session:
        assert session.get_one(User, 2).otp_secret == "changed"


def test_a_strict_column_takes_no_unbound_token(engine: Engine):
    put(engine, "legacy", "strict", others("1:1")[:1])

    with Session(engine) as session, pytest.raises(TokenUnboundError):
        session.scalars(select(Legacy.strict)).all()


def test_what_the_column_type_wrote_opens_with_the_cryptography_library_alone(engine: Engine):
    with Session(engine) as session, session.begin():
        session.add_all([User(id=12, otp_secret=SECRET), Legacy(id=3, fernet=SECRET)])

    bound = str(stored(engine, "_otp_secret", "usuarios")[0]).removeprefix("v1:g1.")
    sealed = base64.urlsafe_b64decode(bound + "=" * (-len(bound) % 4))
    aad = prefixed("shop", "usuarios", "_otp_secret", "2:12", "v1")
    assert gcm("usuarios", "_otp_secret").decrypt(sealed[:12], sealed[12:], aad).decode() == SECRET
    assert fernet().decrypt(str(stored(engine, "fernet", "legacy")[0]).removeprefix("v1:")).decode() == SECRET


def test_no_key_is_derived_for_a_value(engine: Engine, keys: Keys, monkeypatch: pytest.MonkeyPatch):
    def write_and_read(first: int) -> None:
        with Session(engine) as session, session.begin():
            session.add_all([User(id=first + number, otp_secret=f"{number}", phone="1") for number in range(200)])
        with Session(engine) as session:
            assert len(session.scalars(select(User).where(User.otp_secret.is_not(None))).all()) >= 200

    calls, real = itertools.count(), derivation.HKDF
    monkeypatch.setattr(derivation, "HKDF", lambda **options: next(calls) * 0 or real(**options))
    write_and_read(1)
    # Two columns, and for each a key of either format under the one version.
    assert next(calls) == 4
    write_and_read(1001)
    keys.rotate()
    write_and_read(2001)

    assert next(calls) == 5 + 8


def test_a_text_that_reaches_a_row_bound_column_without_its_row_is_refused(engine: Engine):
    statement = text("INSERT INTO usuarios (id, _otp_secret) VALUES (1, :s)")
    bound = statement.bindparams(bindparam("s", type_=User.__table__.c["_otp_secret"].type))

    with engine.begin() as connection, pytest.raises(RowUnknownError) as refused:
        connection.execute(bound, {"s": SECRET})
    assert SECRET not in str(refused.value)
    assert stored(engine, "_otp_secret", "usuarios") == []
