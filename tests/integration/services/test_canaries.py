"""The shapes that the suite's listener knows."""

import logging

import pytest

from tests.services.canaries import Listener, find_secrets

TOKEN = "strongroom_ci_" + "a" * 43 + "_1B2c3D"


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0abc.abcdefghijklmnopqrstuvwxyz_-", ["login"]),
        (f"refused {TOKEN} of somebody", ["service"]),
        ("GET /auth/validate-session?session_id=0Zr3f6tB1yUQeWq8bVfVh2KkzqJrXW2YJm3n5p7r9tA HTTP/1.1", ["session"]),
        ("otpauth://totp/Strongroom:ana?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", ["enrolment", "secret"]),
        ("code 7KQ2-M9X4-0ABC-DEFG-HJKM-NPQR is used", ["backup"]),
        ("GET /auth/validate-session?session_id=[4f1c9a2e] of 0197f3c2-8f4e-7c1a-9d2b-3e4f5a6b7c8d", []),
        ("strongroom_sessions_refused_total 4", []),
    ],
)
def test_a_secret_is_known_by_its_shape(text: str, kinds: list[str]) -> None:
    assert find_secrets(text) == kinds


def test_a_listener_hears_messages_and_tracebacks_and_keeps_no_secret() -> None:
    listener, logger = Listener(), logging.Logger("test", logging.DEBUG)
    logger.addHandler(listener)
    logger.info("the token %s was shown", TOKEN)
    try:
        raise LookupError(TOKEN)
    except LookupError:
        logger.exception("it failed")
    assert len(listener.heard) == 2
    assert TOKEN not in str(listener.heard)
