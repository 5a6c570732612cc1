"""A KEK in the transit engine of HashiCorp Vault or OpenBao: it wraps keys and never leaves the service."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from strongroom.clock import RandomBytes, system_random
from strongroom.errors import StrongroomError
from strongroom.keyring.errors import (
    KeyProviderDeniedError,
    KeyProviderUnavailableError,
    KeyVersionNotFoundError,
    WrongKeyError,
)
from strongroom.keyring.provider import WrappedKey
from strongroom.keyring.secret import SecretKey

_CIPHERTEXT = re.compile(r"vault:(v\d{1,9}):[A-Za-z0-9+/=]+\Z")
MOUNT = "transit"
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_TIMEOUT = httpx.Timeout(10.0, connect=5.0)


def transit_client(endpoint: str, token: str, ca_file: str | None = None) -> httpx.Client:
    """Make a client that may be shared among threads; raises KeyProviderDeniedError for an address without TLS.

    Plain HTTP is for the same machine alone, as the token and the keys travel in it.
    """
    address = urlsplit(endpoint)
    if address.scheme != "https" and address.hostname not in _LOOPBACK:
        raise KeyProviderDeniedError(
            f"The address of Vault at {address.hostname!r} is not https://.",
            next_step="Set `endpoint` to its https:// address, and `ca_file` if its certificate is your own.",
        )
    try:
        return httpx.Client(
            base_url=endpoint,
            headers={"X-Vault-Token": token, "X-Vault-Request": "true"},
            timeout=_TIMEOUT,
            verify=httpx.create_ssl_context(verify=ca_file or True),
        )
    except OSError as error:
        raise KeyProviderDeniedError(
            f"The certificates in {ca_file} cannot be read: {error.strerror}.", next_step="Correct `ca_file`."
        ) from None


class VaultTransitKekProvider:
    """Wraps under one named key of type aes256-gcm96 or chacha20-poly1305.

    A wrapped key is the text that the service returns, `vault:v3:...`; its version is the `v3` in it. The context is
    sent as associated data: JSON in UTF-8 with sorted keys and no spaces.
    """

    name = "vault-transit"

    def __init__(
        self, client: httpx.Client, key_name: str, *, mount: str = MOUNT, random: RandomBytes = system_random
    ) -> None:
        self._client = client
        self._key_name = key_name
        self._mount = mount
        self._random = random

    def __repr__(self) -> str:
        return f"VaultTransitKekProvider({self._key_name!r})"

    def current_version(self) -> str:
        return f"v{self._ask('GET', 'keys', None, 'latest_version')}"

    def generate(self, context: Mapping[str, str]) -> tuple[SecretKey, WrappedKey]:
        key = SecretKey(self._random(32))
        return key, self.wrap(key, context)

    def wrap(self, key: SecretKey, context: Mapping[str, str]) -> WrappedKey:
        sent = {"plaintext": _base64(key.reveal()), "associated_data": _associated_data(context)}
        text = str(self._ask("POST", "encrypt", sent, "ciphertext"))
        found = _CIPHERTEXT.match(text)
        if found is None:
            raise self._unusable("gave an answer that is not a ciphertext of transit")
        return WrappedKey(self.name, found[1], text.encode())

    def unwrap(self, wrapped: WrappedKey, context: Mapping[str, str]) -> SecretKey:
        if wrapped.provider != self.name:
            raise WrongKeyError(
                f"This key was wrapped by {wrapped.provider[:64]!r}, not by Vault.",
                next_step="Set the provider of the key to the one it was wrapped with.",
            )
        sent = {
            "ciphertext": wrapped.ciphertext.decode("ascii", "replace"),
            "associated_data": _associated_data(context),
        }
        opened = self._ask("POST", "decrypt", sent, "plaintext")
        try:
            return SecretKey(base64.b64decode(str(opened), validate=True))
        except (binascii.Error, ValueError):
            raise self._unusable("opened the wrapped key to something that is not a key") from None

    def rewrap(self, wrapped: WrappedKey, context: Mapping[str, str]) -> WrappedKey:
        # The service's own rewrap takes no associated data.
        return self.wrap(self.unwrap(wrapped, context), context)

    def _ask(self, method: str, verb: str, sent: dict[str, str] | None, wanted: str) -> Any:
        path = f"/v1/{quote(self._mount)}/{verb}/{quote(self._key_name, safe='')}"
        try:
            answer = self._client.request(method, path, json=sent)
        except httpx.HTTPError as error:
            raise self._unusable(f"does not answer ({type(error).__name__})") from None
        if answer.status_code != httpx.codes.OK:
            raise self._refusal(answer.status_code, verb)
        try:
            return answer.json()["data"][wanted]
        except (ValueError, KeyError, TypeError):
            raise self._unusable("gave an answer that is not one of transit") from None

    def _refusal(self, status: int, verb: str) -> StrongroomError:
        # The body may repeat what was sent: it is never shown.
        what = f"Vault transit key {self._key_name!r} refused to {verb} (HTTP {status})."
        if status in {401, 403}:
            next_step = f"Renew the token, and allow `update` on {self._mount}/{verb}/{self._key_name}."
            return KeyProviderDeniedError(what, next_step=next_step)
        if status == httpx.codes.NOT_FOUND:
            return KeyVersionNotFoundError(what, next_step="Check the name of the key and `mount`.")
        if status == httpx.codes.BAD_REQUEST and verb == "decrypt":
            return WrongKeyError(what, next_step="Check that the settings name the key it was wrapped with.")
        if 400 <= status < 500 and status != httpx.codes.TOO_MANY_REQUESTS:
            return KeyProviderDeniedError(what, next_step="Use a key of type aes256-gcm96.")
        return self._unusable(f"cannot be used now (HTTP {status}); it may be sealed")

    def _unusable(self, what: str) -> KeyProviderUnavailableError:
        return KeyProviderUnavailableError(
            f"Vault transit key {self._key_name!r} {what}.",
            next_step="Check the address, and unseal it if it is sealed.",
        )


def _associated_data(context: Mapping[str, str]) -> str:
    canonical = json.dumps(dict(context), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return _base64(canonical.encode())


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
