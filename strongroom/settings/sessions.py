"""Settings of one-time sessions: how many, for how long, who may embed the page, and where their Redis is."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr
from pydantic_core import PydanticCustomError

from strongroom.settings.fields import AnchoredPath, Flag, Section
from strongroom.settings.findings import Findings

REDIS_HOST = "REDIS_HOST"
REDIS_PORT = "REDIS_PORT"
REDIS_DB = "REDIS_DB"
REDIS_PASSWORD = "REDIS_PASSWORD"  # noqa: S105 -- the name of a variable, not a password
ID_FORMAT = "SESSION_ID_FORMAT"

_ORIGIN = re.compile(r"https?://(\*\.)?[A-Za-z0-9.-]+(:[0-9]{1,5})?")
_LARGEST_PORT = 65535
_LARGEST_DATABASE = 1023


class SessionIdFormat(StrEnum):
    """What a session id looks like: 256 random bits, or a UUID for clients that expect one."""

    TOKEN = "token"  # noqa: S105 -- the name of a format, not a token
    UUID4 = "uuid4"


def _origin(text: str) -> str:
    # It becomes part of a header; a space or semicolon would begin another rule there.
    if not _ORIGIN.fullmatch(text):
        raise PydanticCustomError("origin", "This is not an origin such as https://portal.example.org.")
    return text


Origin = Annotated[str, AfterValidator(_origin)]


class SessionSettings(Section):
    """One-time sessions, and the page that they open."""

    minutes: int = Field(30, strict=True, ge=1, le=1440, description="Minutes after which an unused session is gone.")
    max_sessions: int = Field(
        1000, strict=True, ge=1, le=1_000_000, description="Sessions there may be at a time, used ones included."
    )
    embedded_in: tuple[Origin, ...] = Field(
        (), description="Origins of pages that may embed the status board; none means this API's own pages only."
    )
    tls: Flag = Field(False, description="Whether the Redis of REDIS_HOST is spoken to over TLS.")
    ca_file: AnchoredPath | None = Field(
        None,
        description="Certificates of the authorities to trust for it, in place of the system's.",
        examples=["/etc/strongroom/redis-ca.pem"],
    )


class SessionRedis(Section):
    """What the environment says about the Redis of sessions; without a host it is the broker, where that is one."""

    host: str | None = None
    port: int = 6379
    db: int = 0
    password: SecretStr | None = None
    id_format: SessionIdFormat = SessionIdFormat.TOKEN


def read_session_redis(env: Mapping[str, str], findings: Findings) -> SessionRedis:
    """Return the Redis of sessions as the environment has it; notes values that cannot be."""
    password = env.get(REDIS_PASSWORD)
    return SessionRedis(
        host=env.get(REDIS_HOST) or None,
        port=_number(REDIS_PORT, 6379, _LARGEST_PORT, env, findings),
        db=_number(REDIS_DB, 0, _LARGEST_DATABASE, env, findings),
        password=SecretStr(password) if password else None,
        id_format=_id_format(env, findings),
    )


def _number(variable: str, default: int, largest: int, env: Mapping[str, str], findings: Findings) -> int:
    text = env.get(variable) or str(default)
    if text.isascii() and text.isdecimal() and len(text) < 6 and int(text) <= largest:
        return int(text)
    findings.add_variable(variable, "This is not a number that it can be.", f"Write one from 0 to {largest}.")
    return default


def _id_format(env: Mapping[str, str], findings: Findings) -> SessionIdFormat:
    text = env.get(ID_FORMAT) or SessionIdFormat.TOKEN
    if text in list(SessionIdFormat):
        return SessionIdFormat(text)
    findings.add_variable(ID_FORMAT, "There is no such format.", f"Write {' or '.join(SessionIdFormat)}.")
    return SessionIdFormat.TOKEN
