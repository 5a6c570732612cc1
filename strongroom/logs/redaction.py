"""Puts something harmless in place of what looks like a secret: by its name, by how it begins, or by its shape."""

import hashlib
import re
from functools import cache

HIDDEN = "***"
SHOWN_OF_A_HASH = 8

_NAMES = (
    r"pass(?:word|wd|phrase)?|pwd|secret(?:_?access_?key|_?key)?|(?:[a-z]+_)?token|api_?key|access_?key(?:_?id)?"
    r"|private_?key|credentials?|(?:set-)?cookie|authorization|totp|otp|(?:mfa|backup|totp)_code|recovery_?key|salt|psk|key_hex"
)

_QUOTED = r"b?(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')"
"""With what is escaped in it, and with the letter that Python writes before bytes."""

_SECRETS = (
    r"(?P<session>\bsession_id=)(?P<session_id>[\w-]{8,})"
    # Lines of the file of column keys.
    r"|(?P<column>ENCRYPTION_(?:KEYS|SALT)__[A-Za-z0-9._-]+\s*=\s*)[\"']?[^\"'\s]+[\"']?"
    # By name: "name": "value" of JSON and of dictionaries that are printed, name=value of messages and addresses.
    rf"|(?P<quoted>[\"'](?:[A-Za-z]{{1,20}}[_-]){{0,3}}(?i:{_NAMES})[\"']\s*[:,]\s*){_QUOTED}"
    rf"|(?P<named>(?:(?<![A-Za-z])|(?<=\bPG))(?i:{_NAMES})\s?=\s?)(?:{_QUOTED}|[^\s,;&)\]}}]+)"
    # Headers, as libraries print them, and statements that set the password of a role.
    rf"|(?P<header>(?<![A-Za-z])(?i:(?:set-)?cookie|authorization|x-api-key|password): )[^\r\n\"']+"
    r"|(?P<statement>\b(?i:PASSWORD|IDENTIFIED BY) )'(?:[^']|'')*'"
    r"|(?P<scheme>\b(?i:Bearer|Basic) )[A-Za-z0-9+/=._~-]{8,}"
    r"|(?P<signature>(?i:X-Amz-Signature)=)[0-9A-Za-z]+"
    r"|(?P<webhook>\bhooks\.slack\.com/(?:services|workflows)/)[\w/-]+"
    # Bounded: of many beginnings without an end each would be looked for up to the end of the text.
    r"|(?P<address>://[^\s:/@]{0,200}:)[^\s@]{1,1000}(?=@)"
    # By beginning: tokens of machines, logins, columns; recovery keys; keys of AWS, Vault and PEM files.
    r"|(?P<service>\bstrongroom_[a-z]+_)[0-9A-Za-z_-]{20,}"
    r"|(?P<login>\beyJ)[\w-]{8,}\.[\w-]{8,}\.[\w-]*"
    r"|(?P<version>\b[A-Za-z0-9][A-Za-z0-9._-]{0,31}:)(?:g1\.|gAAAA|Z0FBQUFB)[A-Za-z0-9_=/+-]+"
    r"|(?P<fernet>\bgAAAA)[A-Za-z0-9_=-]{20,}"
    r"|(?P<kit>\bSRK1-)[A-Z2-7-]+"
    r"|(?P<aws>\bA[KS]IA)[0-9A-Z]{16}\b"
    r"|(?P<vault>\bhv[sbr]\.)[\w-]{8,}"
    r"|(?P<enrolment>otpauth://)\S+"
    r"|(?P<pem>-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
)
_SIGNS = (
    *("=", '"', "'", "://", "Bearer ", "Basic ", "strongroom_", "eyJ", ":g1.", "gAAAA", ":Z0FBQUFB", "SRK1-"),
    *("AKIA", "ASIA", "hvs.", "hvb.", "hvr.", "otpauth://", "-----BEGIN ", "slack", ": ", "earer ", "asic "),
)
"""Without one of these none of the above can be found, and looking for them takes a fortieth of the time."""

_SHAPES = (
    # Secrets of apps, and backup codes.
    r"(?<![0-9A-Za-z])[A-Z2-7]{32}(?![0-9A-Za-z])"
    r"|\b[0-9A-HJKMNP-TV-Z]{4}(?:-[0-9A-HJKMNP-TV-Z]{4}){5}\b"
)


def redact(text: str) -> str:
    """Put asterisks in place of what looks like a secret, and of the id of a session the beginning of its hash."""
    if any(sign in text for sign in _SIGNS):
        text = _compiled(_SECRETS).sub(_harmless, text)
    return _compiled(_SHAPES).sub(HIDDEN, text)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    # On first use: most commands log nothing.
    return re.compile(pattern, re.DOTALL)


def _harmless(found: re.Match[str]) -> str:
    if found["session_id"]:
        digest = hashlib.sha256(found["session_id"].encode()).hexdigest()
        return f"{found['session']}{digest[:SHOWN_OF_A_HASH]}"
    return f"{found[found.lastgroup or 0]}{HIDDEN}"
