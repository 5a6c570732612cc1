"""Many tokens of one version and one form, opened and sealed with little beside the ciphers themselves.

What can be done to all of them at once, taking off the beginning and changing the alphabet, is: a call for each costs
as much as its cipher. Nothing is decided here: the smallest thing out of the ordinary is an error, and the caller goes
through the tokens one by one.
"""

import string
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable, Sequence

from strongroom.clock import RandomBytes
from strongroom.columns.token import FERNET_START, FROM_URL, GCM_AFTER_NAME, NONCE_BYTES, PADDING, TO_URL
from strongroom.columns.version_keys import VersionKeys

_FERNET_ALPHABET = f"{string.ascii_letters}{string.digits}-_=".encode("ascii")
"""Fernet passes over every other character, and would open what `decrypt` of a cipher refuses."""


def open_alike(
    keys: VersionKeys, tokens: Sequence[str], associated: Iterable[bytes], *, fernet_too: bool
) -> list[bytes]:
    """Return the texts, all UTF-8, of tokens that are all as the first one.

    Raises InvalidTag, InvalidToken, ValueError.
    """
    if fernet_too and tokens[0].startswith(FERNET_START, len(keys.name) + 1):
        bodies = _bodies(tokens, f"{keys.name}:")
        if b"".join(bodies).translate(None, _FERNET_ALPHABET):
            raise ValueError
        texts = list(map(keys.fernet.decrypt, bodies))
    else:
        bodies = _bodies(tokens, f"{keys.name}{GCM_AFTER_NAME}", FROM_URL)
        decrypt = keys.decrypt
        opened = (a2b_base64(body + PADDING[len(body) & 3], strict_mode=True) for body in bodies)
        texts = [
            decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], data)
            for sealed, data in zip(opened, associated, strict=False)
        ]
    # With something in between, the end of one text and the beginning of the next cannot make a character together.
    b",".join(texts).decode()
    return texts


def seal_alike(
    keys: VersionKeys, texts: Sequence[bytes], associated: Iterable[bytes], random: RandomBytes
) -> list[str]:
    """Return an AES-256-GCM token of each text."""
    encrypt, nonces = keys.encrypt, random(NONCE_BYTES * len(texts))
    cut = [nonces[at : at + NONCE_BYTES] for at in range(0, len(nonces), NONCE_BYTES)]
    sealed = [
        b2a_base64(nonce + encrypt(nonce, text, data), newline=False)
        for nonce, text, data in zip(cut, texts, associated, strict=False)
    ]
    between = f",{keys.name}{GCM_AFTER_NAME}".encode("ascii")
    return (between + between.join(sealed)).translate(TO_URL, b"=").decode("ascii").split(",")[1:]


def _bodies(tokens: Sequence[str], beginning: str, alphabet: bytes | None = None) -> list[bytes]:
    """Return what follows the beginning of each token, translated; raises ValueError where one has a comma in it."""
    joined, between = f",{','.join(tokens)}".encode("ascii"), f",{beginning}".encode("ascii")
    if alphabet is not None:
        joined, between = joined.translate(alphabet), between.translate(alphabet)
    before, *bodies = joined.split(between)
    if before or len(bodies) != len(tokens) or joined.count(b",") != len(tokens):
        raise ValueError
    return bodies
