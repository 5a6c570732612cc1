"""Secrets that somebody could guess, because manuals and programs come with them."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretStr

from strongroom.doctor.finding import Finding
from strongroom.settings import Settings

GUESSED_FIRST = frozenset(
    {
        "admin", "administrator", "changeit", "changeme", "change-me", "change_me", "default", "demo",
        "example", "guest", "letmein", "minio", "minioadmin", "mysql", "none", "pass", "password", "password1",
        "password123", "postgres", "qwerty", "rabbitmq", "redis", "root", "secret", "strongroom", "test",
        "test123", "todo", "token", "user", "xxx", "your-password", "your_password", "12345678", "123456",
        "123456789",
    }
)  # fmt: skip
"""In lower case, as they are compared."""


def find_default_secrets(settings: Settings) -> Iterator[Finding]:
    """Yield the secrets that would be guessed first, by where they stand in the settings."""
    for place, secret in _secrets(settings, ""):
        if any(part.lower() in GUESSED_FIRST for part in _parts(secret)):
            yield Finding(
                "default_secret",
                f"The secret {place} is one that is guessed first.",
                f"Make a random one, for instance with `openssl rand -hex 24`, and set {place} to it.",
            )


def _parts(secret: str) -> Iterator[str]:
    """Yield what a secret, or the addresses in it, would have to be kept from others for."""
    for text in secret.split(";"):
        if "://" not in text:
            yield text
        elif (password := urlsplit(text).password) is not None:
            yield unquote(password)


def _secrets(value: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, SecretStr):
        yield place, value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets(getattr(value, name), _below(place, name))
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield from _secrets(one, _below(place, str(name)))
    elif isinstance(value, tuple | list):
        for one in value:
            yield from _secrets(one, _below(place, str(getattr(one, "name", ""))))


def _below(place: str, name: str) -> str:
    return ".".join(part for part in (place, name) if part)
