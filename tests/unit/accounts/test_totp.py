"""Codes of authenticator apps are those of RFC 6238, and are taken in their window only."""

import base64
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from strongroom.accounts import qr, totp
from strongroom.accounts.totp import Match
from strongroom.clock import system_random
from tests.services.requirement import service_is_missing

RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()
# RFC 6238, appendix B, SHA-1; the last six of eight digits.
RFC_CODES = {
    59: "287082",
    1111111109: "081804",
    1111111111: "050471",
    1234567890: "005924",
    2000000000: "279037",
    20000000000: "353130",
}
NOW = datetime(2026, 3, 14, 12, 0, 10, tzinfo=UTC)


@pytest.mark.parametrize(("moment", "code"), RFC_CODES.items())
def test_codes_are_those_of_the_rfc(moment: int, code: str) -> None:
    assert totp.code_at(RFC_SECRET, moment // 30) == code


def test_codes_are_those_of_an_independent_program() -> None:
    oathtool = shutil.which("oathtool") or service_is_missing("oathtool is not installed: tests/install-services")
    secrets = [totp.new_secret(system_random) for _ in range(20)]
    moments = [NOW + timedelta(seconds=1234567 * number) for number in range(20)]
    said = [
        subprocess.run(
            [oathtool, "--totp", "-b", "--now", moment.strftime("%Y-%m-%d %H:%M:%S UTC"), secret],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        for secret, moment in zip(secrets, moments, strict=True)
    ]

    assert said == [totp.code_at(s, totp.step_of(m)) for s, m in zip(secrets, moments, strict=True)]


def test_secrets_have_160_bits_and_differ() -> None:
    secrets = {totp.new_secret(system_random) for _ in range(100)}

    assert len(secrets) == 100
    assert {len(base64.b32decode(secret)) for secret in secrets} == {20}


def test_the_address_says_what_apps_need() -> None:
    uri = urlsplit(totp.provisioning_uri(RFC_SECRET, "ana@example.org", "Strong Room"))

    assert (uri.scheme, uri.netloc, unquote(uri.path)) == ("otpauth", "totp", "/Strong Room:ana@example.org")
    said = {name: values[0] for name, values in parse_qs(uri.query).items()}
    assert said == {"secret": RFC_SECRET, "issuer": "Strong Room", "algorithm": "SHA1", "digits": "6", "period": "30"}


def test_qr_codes_are_png_and_svg() -> None:
    uri = totp.provisioning_uri(RFC_SECRET, "ana", "Strongroom")

    assert base64.b64decode(qr.png_base64(uri)).startswith(b"\x89PNG\r\n\x1a\n")
    assert "<svg" in qr.svg(uri)
    assert RFC_SECRET not in qr.svg(uri)


@pytest.mark.parametrize(
    ("window", "steps", "match"),
    [
        (1, -2, Match.EARLY_OR_LATE),
        (1, -1, Match.RIGHT),
        (1, 0, Match.RIGHT),
        (1, 1, Match.RIGHT),
        (1, 2, Match.EARLY_OR_LATE),
        (0, -1, Match.EARLY_OR_LATE),
        (0, 0, Match.RIGHT),
        (0, 1, Match.EARLY_OR_LATE),
        (1, 10, Match.EARLY_OR_LATE),
        (1, 11, Match.WRONG),
        (1, -11, Match.WRONG),
    ],
)
def test_a_code_is_taken_in_its_window_only(window: int, steps: int, match: Match) -> None:
    code = totp.code_at(RFC_SECRET, totp.step_of(NOW) + steps)

    assert totp.look_up(RFC_SECRET, code, NOW, window, 0).match is match


@pytest.mark.parametrize("edge", [0, 29.999])
def test_the_window_is_the_same_at_both_edges_of_a_step(edge: float) -> None:
    start = datetime.fromtimestamp(totp.step_of(NOW) * 30, UTC)
    code = totp.code_at(RFC_SECRET, totp.step_of(NOW))

    assert totp.look_up(RFC_SECRET, code, start + timedelta(seconds=edge), 0, 0).match is Match.RIGHT


def test_a_step_that_was_accepted_and_those_before_it_are_used() -> None:
    step = totp.step_of(NOW)

    for used in (step - 1, step):
        assert totp.look_up(RFC_SECRET, totp.code_at(RFC_SECRET, used), NOW, 1, step).match is Match.USED
    assert totp.look_up(RFC_SECRET, totp.code_at(RFC_SECRET, step + 1), NOW, 1, step).match is Match.RIGHT


def test_a_wrong_clock_is_told_by_how_much() -> None:
    code = totp.code_at(RFC_SECRET, totp.step_of(NOW) + 4)

    assert totp.look_up(RFC_SECRET, code, NOW, 1, 0).seconds_off == 120
