"""What looks like a secret is in no line: by its name and by how it begins."""

import hashlib
import io
import logging
from collections.abc import Callable

import pytest

from strongroom.logs.human_lines import HumanLines
from strongroom.logs.redaction import redact

SESSION = "5L0q3nXw8yq1V7c2kB9dF4hJ6mN0pRsTuWxYzAbCdEf"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("password=hunter2secret, more", "hunter2secret"),
        ("{'refresh_token': 'abcdef', 'x': 1}", "abcdef"),
        ('{"password": "a \\"b c"}', "a \\"),
        ("Authorization: Bearer abcdefghijkl.mno", "abcdefghijkl"),
        ("Authorization: Basic c3Ryb25nOnJvb20=", "c3Ryb25nOnJvb20"),
        ("postgresql://user:pa/ss%2Fword@host/db", "pa/ss%2Fword"),
        ("redis://:s3cret-of-redis@localhost:6379/0", "s3cret-of-redis"),
        ("strongroom_script_" + "a1B2" * 11 + "_abcdef", "a1B2a1B2"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlc2lnbmF0dXJl", "zdWIiOiIxIn0"),
        ("v1:gAAAAABlc29tZXRoaW5nZWxzZQ==", "Blc29tZXRoaW5n"),
        ("the kit SRK1-ABCDE-FGHIJ-KLMNO", "ABCDE-FGHIJ"),
        ("AKIAIOSFODNN7EXAMPLE is there", "IOSFODNN7EXAMPLE"),
        ("hvs.CAESIJlongtokenofvault", "CAESIJlongtoken"),
        ("otpauth://totp/x?secret=JBSWY3DP", "JBSWY3DP"),
        ("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw\n-----END PRIVATE KEY-----", "MC4CAQAw"),
        ("-----BEGIN EC PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw", "MC4CAQAw"),
        ("secret of an app JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP.", "JBSWY3DPEHPK3PXP"),
        ("code 0A1B-2C3D-4E5F-6G7H-8J9K-MNPQ", "2C3D-4E5F"),
        ("ENCRYPTION_KEYS__v2 = 'AAAA-BBBB'", "AAAA-BBBB"),
        ("PGPASSWORD=hunter2secret pg_dump", "hunter2secret"),
        ("Password = hunter2secret", "hunter2secret"),
        ("error: password: hunter2secret", "hunter2secret"),
        ("{'user_password': 'hunter2secret'}", "hunter2secret"),
        ("{'client-secret': 'hunter2secret'}", "hunter2secret"),
        ("{'password': b'hunter2secret'}", "hunter2secret"),
        ("('password', 'hunter2secret')", "hunter2secret"),
        ("password='it\\'s hunter2secret'", "hunter2secret"),
        ('{"password": "a\\"hunter2secret"}', "hunter2secret"),
        ("ALTER ROLE backup PASSWORD 'it''s hunter2secret'", "hunter2secret"),
        ("{'authorization': 'Digest hunter2secret'}", "hunter2secret"),
        ("authorization: bearer hunter2secret", "hunter2secret"),
        ("Authorization: Digest hunter2secret", "hunter2secret"),
        ("Cookie: a=b; sid=hunter2secret", "hunter2secret"),
        ("https://b.example/k?X-Amz-Signature=0fae11d2c3&X-Amz-Date=1", "0fae11d2c3"),
        ("https://hooks.slack.com/services/T0/B0/hunter2secret", "hunter2secret"),
    ],
)
def test_a_secret_is_left_out(text: str, secret: str):
    assert secret in text
    assert secret not in redact(text)


def test_of_the_id_of_a_session_the_beginning_of_its_hash_is_shown():
    digest = hashlib.sha256(SESSION.encode()).hexdigest()

    assert redact(f"/client/iframe.html?session_id={SESSION}&x=1") == (
        f"/client/iframe.html?session_id={digest[:8]}&x=1"
    )


@pytest.mark.parametrize(
    "text",
    [
        "job 0192f0c1-7c1a-7d6e-9a53-0a3c6c8f1f00 (backup.run): attempt 1 begins",
        "skip.answer status=400 code=skip.unknown_key nothing",
        "skip.key.taken key_id=0123456789abcdef0123456789abcdef remote=KP-B encryptor=lisbon",
        "https://example.org:8443/path?at=2026-01-01T00:00:00",
        "task backup.run[4bf92f35-77b3-4da6-a3ce-929d0e0e4736] received",
        "the tokens of machines, a token that ended: revoked",
        "trace 4bf92f3577b34da6a3ce929d0e0e4736",
        "a basic check, the bearer token, and the password policy",
        "broken: the password is too short",
    ],
)
def test_what_is_no_secret_stays(text: str):
    assert redact(text) == text


def test_lines_for_people_are_without_secrets_and_move_no_cursor(
    log_with: Callable[[logging.Formatter], logging.Logger], written: io.StringIO
):
    log = log_with(HumanLines())
    try:
        raise RuntimeError("password=hunter2 \x1b[2J\r\nand more")
    except RuntimeError:
        log.exception("it says \x1b[31mred\r\nand password=hunter2")

    text = written.getvalue()
    assert "hunter2" not in text
    assert all(line.isprintable() for line in text.splitlines())
    assert text.splitlines()[0].endswith("\\x1b[31mred\\r\\nand password=*** (strongroom.tests.lines)")


def test_many_beginnings_of_an_address_are_not_looked_through_to_the_end_each():
    # Unbounded, this takes minutes, and a log line of a hostile answer stops the process for as long.
    text = "://a:" * 50_000

    assert redact(text) == text
