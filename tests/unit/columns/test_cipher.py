"""Tokens open where they were made for and nowhere else."""

import copy
import itertools
import os
import pickle
import threading

import pytest

from strongroom.columnkeys.errors import ColumnKeyDisabledError, ColumnKeyUnknownError
from strongroom.columnkeys.ring import KeyRing, KeyState
from strongroom.columns import derivation
from strongroom.columns.cipher import ColumnCipher
from strongroom.columns.errors import (
    NotATokenError,
    RowUnknownError,
    TokenFormatError,
    TokenRefusedError,
    TokenUnboundError,
    ValueTypeError,
)
from strongroom.columns.place import Binding, ColumnPlace, TokenFormat, row_id
from tests.unit.columns.rings import ring

PLACE = ColumnPlace("shop", "usuarios", "_otp_secret")
ROW = row_id((5,))
SECRET = "JBSWY3DPEHPK3PXP"


def cipher(
    held: KeyRing | None = None,
    place: ColumnPlace = PLACE,
    *,
    form: TokenFormat = TokenFormat.AES_GCM,
    binding: Binding = Binding.ROW,
    strict: bool = False,
) -> ColumnCipher:
    return ColumnCipher(held or ring(), place, format=form, binding=binding, strict=strict)


@pytest.mark.parametrize("form", TokenFormat)
@pytest.mark.parametrize("binding", Binding)
@pytest.mark.parametrize("text", ["", SECRET, "João 🔑", "\0", "x" * 10_000])
def test_what_was_encrypted_is_decrypted(form: TokenFormat, binding: Binding, text: str):
    made = cipher(form=form, binding=binding)

    token = made.encrypt(text, ROW)

    assert token.startswith("v1:")
    assert made.decrypt(token, ROW) == text
    assert made.convert(token, ROW) is None


def test_a_row_bound_token_has_three_quarters_of_the_length_of_a_fernet_token():
    secret = "s" * 60

    lengths = [len(cipher(form=form).encrypt(secret, ROW)) for form in (TokenFormat.AES_GCM, TokenFormat.FERNET)]

    assert lengths == [124, 167]


@pytest.mark.parametrize(
    ("place", "row"),
    [
        (PLACE, row_id((6,))),
        (PLACE, row_id((5, 5))),
        (ColumnPlace("shop", "usuarios", "phone"), ROW),
        (ColumnPlace("shop", "admins", "_otp_secret"), ROW),
        (ColumnPlace("crm", "usuarios", "_otp_secret"), ROW),
        (ColumnPlace("shopusuarios", "", "_otp_secret"), ROW),
    ],
)
def test_a_token_that_was_moved_does_not_open(place: ColumnPlace, row: str):
    token = cipher().encrypt(SECRET, ROW)

    with pytest.raises(TokenRefusedError):
        cipher(place=place).decrypt(token, row)


@pytest.mark.parametrize("binding", Binding)
def test_a_token_under_another_name_of_a_version_does_not_open(binding: Binding):
    held = ring("v2", v1=KeyState.DECRYPT_ONLY)
    token = cipher(ring("v1"), binding=binding).encrypt(SECRET, ROW)

    with pytest.raises(TokenRefusedError):
        cipher(held).decrypt(token.replace("v1:", "v2:"), ROW)


def test_the_right_name_with_another_key_does_not_open():
    token = cipher().encrypt(SECRET, ROW)
    other = KeyRing({"v1": ring("v9").active_version().__class__("v1", KeyState.ACTIVE, bytes(32), bytes(16))}, "v1")

    with pytest.raises(TokenRefusedError):
        cipher(other).decrypt(token, ROW)


def test_each_state_of_a_version_reads_as_it_should():
    token = cipher(ring("v1")).encrypt(SECRET, ROW)

    for state in (KeyState.PENDING, KeyState.DECRYPT_ONLY):
        assert cipher(ring("v2", v1=state)).decrypt(token, ROW) == SECRET
    with pytest.raises(ColumnKeyDisabledError):
        cipher(ring("v2", v1=KeyState.DISABLED)).decrypt(token, ROW)
    with pytest.raises(ColumnKeyUnknownError):
        cipher(ring("v2")).decrypt(token, ROW)


def test_a_row_bound_column_is_never_used_without_a_row():
    with pytest.raises(RowUnknownError):
        cipher().encrypt(SECRET, None)
    with pytest.raises(RowUnknownError):
        cipher().decrypt(cipher().encrypt(SECRET, ROW), None)


def test_a_column_being_migrated_reads_what_was_written_before_and_converts_it():
    held = ring("v2", v1=KeyState.DECRYPT_ONLY)
    before = [
        cipher(ring("v1"), form=TokenFormat.FERNET).encrypt(SECRET, None),
        cipher(ring("v1"), binding=Binding.COLUMN).encrypt(SECRET, None),
        cipher(ring("v2"), binding=Binding.COLUMN).encrypt(SECRET, None),
        cipher(ring("v1")).encrypt(SECRET, ROW),
    ]

    for token in before:
        converted = cipher(held).convert(token, ROW)
        assert cipher(held).decrypt(token, ROW) == SECRET
        assert converted is not None
        assert converted.startswith("v2:g1.")
        assert cipher(held, strict=True).decrypt(converted, ROW) == SECRET


def test_a_column_can_go_back_to_fernet_or_to_column_binding():
    token = cipher().encrypt(SECRET, ROW)

    looser = cipher(binding=Binding.COLUMN).convert(token, ROW)
    assert looser is not None
    assert cipher(binding=Binding.COLUMN).decrypt(looser, None) == SECRET
    fernet = cipher(form=TokenFormat.FERNET).convert(token, ROW)
    assert fernet is not None
    assert fernet.startswith("v1:gAAAA")


def test_a_strict_column_refuses_what_is_not_bound_to_the_row():
    strict = cipher(strict=True)

    for token in (
        cipher(form=TokenFormat.FERNET).encrypt(SECRET, None),
        cipher(binding=Binding.COLUMN).encrypt(SECRET, None),
    ):
        with pytest.raises(TokenUnboundError):
            strict.decrypt(token, ROW)
        with pytest.raises(TokenUnboundError):
            strict.convert(token, ROW)


@pytest.mark.parametrize("token", ["", "v1", "v1:", ":g1.AAAA", "plain text", "user:hunter2", "-:g1.AA", "v1:g2.AAAA"])
def test_what_is_no_token_is_said_to_be_none_without_showing_it(token: str):
    with pytest.raises(NotATokenError) as raised:
        cipher().decrypt(token, ROW)

    assert cipher().version_of(token) is None
    assert "hunter2" not in str(raised.value)
    assert "user" not in str(raised.value)


def test_a_token_names_its_version_without_being_opened():
    assert ColumnCipher.version_of("v7:g1.AAAA") == "v7"
    assert ColumnCipher.version_of("v2:Z0FBQUFBQm8") == "v2"


@pytest.mark.parametrize("form", TokenFormat)
def test_a_token_cut_short_anywhere_is_refused(form: TokenFormat):
    token = cipher(form=form).encrypt(SECRET, ROW)

    for length in range(len(token)):
        with pytest.raises((NotATokenError, TokenFormatError, TokenRefusedError)):
            cipher().decrypt(token[:length], ROW)


@pytest.mark.parametrize("form", TokenFormat)
def test_a_token_with_any_character_changed_is_refused(form: TokenFormat):
    made = cipher(form=form)
    token = made.encrypt(SECRET, ROW)

    # The last characters of base64 hold bits that no byte takes up.
    for place in range(3, len(token) - 3):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises((NotATokenError, TokenFormatError, TokenRefusedError)):
            made.decrypt(changed, ROW)


@pytest.mark.parametrize("form", TokenFormat)
@pytest.mark.parametrize("junk", [",", "\n", " ", "+", "é"])
def test_a_token_with_what_is_not_base64_in_it_is_refused(form: TokenFormat, junk: str):
    made = cipher(form=form)
    token = made.encrypt(SECRET, ROW)

    for place in (len(token), 20):
        with pytest.raises(TokenFormatError):
            made.decrypt(token[:place] + junk + token[place:], ROW)


@pytest.mark.parametrize("text", ["\ud800", 5, None, b"bytes"])
def test_only_text_is_encrypted_and_the_refusal_does_not_show_it(text: str):
    with pytest.raises(ValueTypeError) as raised:
        cipher().encrypt(text, ROW)

    assert raised.value.__cause__ is None
    assert "bytes'" not in str(raised.value)


def test_two_tokens_of_one_text_differ():
    made = cipher()

    assert len({made.encrypt(SECRET, ROW) for _ in range(1000)}) == 1000


def test_keys_are_derived_when_the_cipher_is_made_and_never_for_a_value(monkeypatch: pytest.MonkeyPatch):
    calls = itertools.count()
    real = derivation.HKDF

    def counted(**options: object) -> object:
        next(calls)
        return real(**options)

    monkeypatch.setattr(derivation, "HKDF", counted)
    made = cipher(ring("v2", v1=KeyState.DECRYPT_ONLY))
    derived = next(calls)
    for form in TokenFormat:
        old = ColumnCipher(ring("v1"), PLACE, format=form, binding=Binding.ROW)
        before = next(calls)
        for _ in range(100):
            token = old.encrypt(SECRET, ROW)
            made.decrypt(token, ROW)
            made.convert(token, ROW)
        assert next(calls) == before + 1

    assert derived == 4


def test_a_cipher_is_shared_by_threads():
    made, wrong = cipher(), []

    def work(number: int) -> None:
        row = row_id((number,))
        wrong.extend(1 for _ in range(300) if made.decrypt(made.encrypt(f"{number}", row), row) != f"{number}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


def test_a_cipher_goes_across_a_fork():
    made = cipher()
    token = made.encrypt(SECRET, ROW)

    child = os.fork()
    if child == 0:
        os._exit(0 if made.decrypt(token, ROW) == SECRET and made.encrypt(SECRET, ROW) != token else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_cipher_shows_no_key_and_is_not_pickled():
    made = cipher()

    assert repr(made) == "ColumnCipher(aes-256-gcm, active 'v1')"
    with pytest.raises(TypeError):
        pickle.dumps(made)
    with pytest.raises(TypeError):
        copy.deepcopy(made)
