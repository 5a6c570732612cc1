"""What looks like a secret is not written to a log file, whoever says it."""

import pytest

from strongroom.cli.secrets.logfile import redact


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('ENCRYPTION_KEYS__v1="q83vEjRWeJA="', "ENCRYPTION_KEYS__v1=***"),
        ("ENCRYPTION_SALT__v2-prod=q83v/+jRWeJA=", "ENCRYPTION_SALT__v2-prod=***"),
        ("row 7: v2:gAAAAABl_x-0=", "row 7: v2:***"),
        ("v2:g1.AbC-_9 and v1:Z0FBQUFBQm8=", "v2:*** and v1:***"),
        ("postgresql://me:hunter2@db/x", "postgresql://me:***@db/x"),
        ("key SRK1-ABCD-EFGH", "key SRK1-***"),
        ("Job 12: v1 to v2, 150 rows", "Job 12: v1 to v2, 150 rows"),
    ],
)
def test_secrets_are_redacted(text, expected):
    assert redact(text) == expected
