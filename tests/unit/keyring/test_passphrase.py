"""A passphrase wraps keys, refuses others, and never costs more memory than a machine has."""

import os

import pytest

from strongroom.keyring.errors import PassphraseError, WrappedKeyFormatError, WrongKeyError
from strongroom.keyring.passphrase import PassphraseKekProvider
from strongroom.keyring.provider import WrappedKey
from strongroom.keyring.secret import SecretKey

CONTEXT = {"made": "today"}
KEY = SecretKey(bytes(range(32)))


@pytest.fixture(scope="module")
def wrapped() -> WrappedKey:
    return PassphraseKekProvider("correct horse battery").wrap(KEY, CONTEXT)


def test_the_same_passphrase_opens_it(wrapped):
    assert PassphraseKekProvider("correct horse battery").unwrap(wrapped, CONTEXT) == KEY


def test_another_passphrase_or_context_does_not(wrapped):
    with pytest.raises(WrongKeyError):
        PassphraseKekProvider("incorrect horse battery").unwrap(wrapped, CONTEXT)
    with pytest.raises(WrongKeyError):
        PassphraseKekProvider("correct horse battery").unwrap(wrapped, {"made": "yesterday"})


@pytest.mark.parametrize("at", [4, 25, 40, 79])
def test_a_changed_byte_is_noticed(wrapped, at):
    raw = bytearray(wrapped.ciphertext)
    raw[at] ^= 1
    with pytest.raises(WrongKeyError):
        PassphraseKekProvider("correct horse battery").unwrap(WrappedKey("passphrase", "scrypt", bytes(raw)), CONTEXT)


@pytest.mark.parametrize(
    "head", [b"\x02\x0f\x08\x01", b"\x01\x15\x08\x01", b"\x01\x0f\xff\x01", b"\x01\x0f\x08\x00", b"\x01\x00\x08\x01"]
)
def test_an_unknown_layout_or_a_cost_without_bounds_is_refused(wrapped, head):
    with pytest.raises(WrappedKeyFormatError):
        PassphraseKekProvider("correct horse battery").unwrap(
            WrappedKey("passphrase", "scrypt", head + wrapped.ciphertext[4:]), CONTEXT
        )


def test_what_is_cut_short_or_wrapped_by_others_is_refused(wrapped):
    provider = PassphraseKekProvider("correct horse battery")
    with pytest.raises(WrappedKeyFormatError):
        provider.unwrap(WrappedKey("passphrase", "scrypt", wrapped.ciphertext[:-1]), CONTEXT)
    with pytest.raises(WrongKeyError):
        provider.unwrap(WrappedKey("local", "v1", wrapped.ciphertext), CONTEXT)


def test_a_short_passphrase_is_refused_and_none_is_shown():
    with pytest.raises(PassphraseError):
        PassphraseKekProvider("too short", os.urandom)

    assert "horse" not in repr(PassphraseKekProvider("correct horse battery"))
