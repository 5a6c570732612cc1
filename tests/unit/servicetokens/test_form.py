"""What a service token looks like: frozen, because scanners of leaks know it by that."""

import re

import pytest

from strongroom.catalog.service_tokens import TokenKind
from strongroom.servicetokens.form import is_token, make_token

FROZEN = make_token(TokenKind.CI, lambda size: bytes(range(size)))


def test_a_token_is_what_it_always_was():
    assert FROZEN == "strongroom_ci_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf_2awojj"


@pytest.mark.parametrize("fill", [0x00, 0xFF])
def test_every_secret_fits(fill):
    token = make_token(TokenKind.EXPORTER, lambda size: bytes([fill]) * size)

    assert re.fullmatch(r"strongroom_exporter_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}", token)
    assert is_token(token)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "_",
        "strongroom_ci_x_y",
        FROZEN[:-1],
        FROZEN + "0",
        FROZEN.replace("_ci_", "_it_"),
        FROZEN.replace("_ci_", "_agent_"),
        FROZEN.replace("strongroom_", "Strongroom_"),
        FROZEN[:20] + ("a" if FROZEN[20] != "a" else "b") + FROZEN[21:],
        FROZEN.replace("0", "é"),
        "strongroom_ci_" + "a" * 100_000,
    ],
)
def test_another_text_is_none(text):
    assert not is_token(text)
