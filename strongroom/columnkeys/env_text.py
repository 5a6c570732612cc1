"""The lines of a `.env.crypto` file: assignments as in other .env files, read strictly and never evaluated.

ACTIVE_ENCRYPTION_VERSION="v1"
ENCRYPTION_KEYS__v1="<base64>"          the key, or `<provider>:<KEK version>:<base64>` where a key service wrapped it
ENCRYPTION_SALT__v1="<base64>"
ENCRYPTION_SALT_HASH__v1="<hex>"        SHA-256 of the salt's bytes, or of its base64 text
ENCRYPTION_STATE__v1="active"           from here on lines that others do not write, and need not read
ENCRYPTION_CHECK__v1="<16 hex digits>"
ENCRYPTION_CREATED__v1="2026-01-14T12:34:56Z"
ENCRYPTION_CHANGED__v1="2026-01-14T12:34:56Z"
ENCRYPTION_FILE_MAC="<64 hex digits>"   over every byte of the file but this line
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

ACTIVE = "ACTIVE_ENCRYPTION_VERSION"
FILE_MAC = "ENCRYPTION_FILE_MAC"
_ASSIGNMENT = re.compile(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=[ \t]*(.*)\Z")
_VALUE = re.compile(r"""(?:"([^"\\]*)"|'([^']*)'|([^\s"'#\\]*))(?:[ \t]+#.*)?\Z""")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_MAC_LINE = re.compile(rb"^[ \t]*(?:export[ \t]+)?" + FILE_MAC.encode() + rb"[ \t]*=[^\n]*(?:\n|\Z)", re.M)


class Entry(StrEnum):
    """What is said about a version, and the beginning of the name that says it."""

    KEY = "ENCRYPTION_KEYS__"
    SALT = "ENCRYPTION_SALT__"
    SALT_HASH = "ENCRYPTION_SALT_HASH__"
    STATE = "ENCRYPTION_STATE__"
    CHECK = "ENCRYPTION_CHECK__"
    CREATED = "ENCRYPTION_CREATED__"
    CHANGED = "ENCRYPTION_CHANGED__"


class EnvTextError(ValueError):
    """The text is not made of assignments; the message says where without showing any of it."""


@dataclass(frozen=True, slots=True, repr=False)
class EnvText:
    """What a file says: the ring's values by name, its first comments, and the lines that belong to somebody else."""

    values: Mapping[str, str]
    header: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()


def parse_env_text(content: bytes) -> EnvText:
    """Read the lines of a file; raises EnvTextError."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise EnvTextError("it is not UTF-8") from None
    values: dict[str, str] = {}
    header: list[str] = []
    foreign: list[str] = []
    # Only a line feed ends a line: other characters that Python takes for one may stand in a comment.
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.rstrip("\r").strip(" \t")
        if _CONTROLS.search(line):
            raise EnvTextError(f"line {number} has a control character")
        if line.startswith("#"):
            (foreign if values or foreign else header).append(line)
        elif line:
            name, value = _assignment(line, number)
            if not is_ring_name(name):
                foreign.append(line)
            elif name in values:
                raise EnvTextError(f"line {number} says a second time what {_shown(name)} is")
            else:
                values[name] = value
    return EnvText(values, tuple(header), tuple(foreign))


def without_mac(content: bytes) -> bytes:
    """Return the bytes that the MAC is over."""
    return _MAC_LINE.sub(b"", content)


def version_names(values: Mapping[str, str]) -> list[str]:
    """Return the names of the versions that anything is said about, sorted."""
    found = {name.removeprefix(entry) for name in values for entry in Entry if name.startswith(entry)}
    return sorted(found)


def is_ring_name(name: str) -> bool:
    """Say whether a name, of a line or of an environment variable, belongs to the ring."""
    return name in {ACTIVE, FILE_MAC} or any(name.startswith(entry) for entry in Entry)


def render_env_text(text: EnvText) -> bytes:
    """Write a file without its MAC line: header, active version, versions by name, what belongs to somebody else."""
    lines = [*text.header, "", _line(ACTIVE, text.values[ACTIVE])]
    for version in version_names(text.values):
        names = [f"{entry}{version}" for entry in Entry]
        lines += [_line(name, text.values[name]) for name in names if name in text.values]
    if text.foreign:
        lines += ["", *text.foreign]
    return ("\n".join(lines) + "\n").encode()


def mac_line(mac: str) -> bytes:
    """Write the last line of a file."""
    return f"{_line(FILE_MAC, mac)}\n".encode()


def _assignment(line: str, number: int) -> tuple[str, str]:
    assignment = _ASSIGNMENT.match(line)
    if assignment is None:
        raise EnvTextError(f'line {number} is not of the form NAME="value"')
    value = _VALUE.match(assignment[2])
    if value is None and is_ring_name(assignment[1]):
        raise EnvTextError(f"line {number} has a value that is not closed, or that needs an escape")
    return assignment[1], "" if value is None else next((part for part in value.groups() if part is not None), "")


def _shown(name: str) -> str:
    return repr(name[:64])


def _line(name: str, value: str) -> str:
    return f'{name}="{value}"'
