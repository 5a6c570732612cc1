"""KEKs in the transit engine of Vault or OpenBao, against a stand-in that speaks its API."""

from collections.abc import Iterator

import pytest

from strongroom.errors import StrongroomError
from strongroom.keyring.errors import (
    KeyProviderDeniedError,
    KeyProviderUnavailableError,
    KeyVersionNotFoundError,
    WrongKeyError,
)
from strongroom.keyring.provider import WrappedKey
from strongroom.keyring.secret import SecretKey
from strongroom.keyring.vault_transit import VaultTransitKekProvider, transit_client
from tests.services.transit import TOKEN, Transit, transit_server

CONTEXT = {"purpose": "backup", "source": "größe"}
KEY = SecretKey(bytes(range(32)))


@pytest.fixture
def engine() -> Iterator[Transit]:
    with transit_server() as engine:
        engine.rotate("columns")
        yield engine


@pytest.fixture
def provider(engine: Transit) -> VaultTransitKekProvider:
    return VaultTransitKekProvider(transit_client(engine.address, TOKEN), "columns")


def test_what_is_wrapped_unwraps_in_its_context_alone(provider):
    wrapped = provider.wrap(KEY, CONTEXT)

    assert (wrapped.provider, wrapped.version) == ("vault-transit", "v1")
    assert provider.unwrap(wrapped, CONTEXT) == KEY
    with pytest.raises(WrongKeyError):
        provider.unwrap(wrapped, {"purpose": "root"})


def test_a_generated_key_unwraps(provider):
    key, wrapped = provider.generate(CONTEXT)

    assert provider.unwrap(wrapped, CONTEXT) == key


def test_a_rotated_key_wraps_under_its_new_version_and_opens_the_old(provider, engine):
    wrapped = provider.wrap(KEY, CONTEXT)
    engine.rotate("columns")

    assert provider.current_version() == "v2"
    assert provider.unwrap(wrapped, CONTEXT) == KEY
    assert provider.rewrap(wrapped, CONTEXT).version == "v2"


def sealed(engine: Transit) -> VaultTransitKekProvider:
    engine.sealed = True
    return VaultTransitKekProvider(transit_client(engine.address, TOKEN), "columns")


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        (sealed, KeyProviderUnavailableError),
        (
            lambda _: VaultTransitKekProvider(transit_client("http://127.0.0.1:1", TOKEN), "columns"),
            KeyProviderUnavailableError,
        ),
        (
            lambda engine: VaultTransitKekProvider(transit_client(engine.address, "wrong"), "columns"),
            KeyProviderDeniedError,
        ),
        (lambda engine: VaultTransitKekProvider(transit_client(engine.address, TOKEN), "none"), KeyProviderDeniedError),
        (
            lambda engine: VaultTransitKekProvider(transit_client(engine.address, TOKEN), "columns", mount="other"),
            KeyVersionNotFoundError,
        ),
    ],
)
def test_what_goes_wrong_is_told_apart_and_shows_no_key(engine, broken, expected):
    with pytest.raises(expected) as refusal:
        broken(engine).wrap(KEY, CONTEXT)

    assert isinstance(refusal.value, StrongroomError)
    assert TOKEN not in str(refusal.value)


@pytest.mark.parametrize("text", [b"vault:v1:AAAA", b"vault:v9:AAAA", b"\xff", b""])
def test_a_damaged_wrapped_key_is_the_wrong_key(provider, text):
    with pytest.raises(WrongKeyError):
        provider.unwrap(WrappedKey("vault-transit", "v1", text), CONTEXT)
    with pytest.raises(WrongKeyError):
        provider.unwrap(WrappedKey("local", "v1", text), CONTEXT)


def test_an_address_without_tls_is_refused_beyond_this_machine():
    with pytest.raises(KeyProviderDeniedError):
        transit_client("http://vault.example.org:8200", TOKEN)
