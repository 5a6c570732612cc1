"""Asks a key provider as an encryptor does."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from strongroom.errors import InvalidInputError

SECONDS = 10.0
AUTHORITY_FILE = "encryptor-ca.pem"


class IdentityFilesError(InvalidInputError):
    """The files an encryptor shows cannot be used."""

    code = "keysync.identity_files"


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered: the status, the document and the headers that matter."""

    status: int
    document: Mapping[str, Any]
    headers: Mapping[str, str]


class Encryptor:
    """An encryptor at one provider; `identity` is the path of its files without their endings.

    `NAME.pem` and `NAME.key` are shown, `encryptor-ca.pem` beside them is trusted. Raises IdentityFilesError.
    """

    def __init__(self, url: str, identity: Path | None) -> None:
        verify: ssl.SSLContext | bool = _context(identity) if identity else True
        # A proxy of the environment would see keys.
        self._client = httpx.Client(base_url=url.rstrip("/"), verify=verify, timeout=SECONDS, trust_env=False)
        self.url = url

    def ask(self, path: str, method: str = "GET", **query: str) -> Answer:
        """Send one question; raises httpx.HTTPError where there is no answer."""
        response = self._client.request(method, path, params=query or None)
        return Answer(response.status_code, _document(response), response.headers)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def _context(identity: Path) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=identity.with_name(AUTHORITY_FILE))
        context.load_cert_chain(f"{identity}.pem", f"{identity}.key")
    except (OSError, ssl.SSLError) as error:
        raise IdentityFilesError(
            f"{identity}.pem, {identity}.key or {AUTHORITY_FILE} beside them cannot be used: {error}.",
            next_step="Name files of an `encryptors` folder of the set-up, without their endings.",
        ) from None
    return context


def _document(response: httpx.Response) -> Mapping[str, Any]:
    try:
        document = response.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
