"""Nobody is surprised by the end of a certificate: an alert comes weeks before, and goes when it was renewed."""

from pathlib import Path

import pytest
from sqlalchemy import select

from strongroom.alerts.opening import Severity
from strongroom.catalog.alerts import Alert, AlertState
from strongroom.catalog.session import Catalog
from strongroom.clock import SystemClock
from strongroom.keysync.certificate_ends import judge_certificates
from strongroom.keysync.certificates import Authority
from strongroom.settings import SkipSettings, load_settings

CONFIGURATION = """
[regions.home]
path = "region"
[skip]
system_id = "A"
[skip.peer_face]
certificate = "peer.pem"
key = "peer.key"
peer_ca = "ca.pem"
"""
NOW = SystemClock().now()


def settings_with(directory: Path, days: int) -> SkipSettings:
    authority = Authority("Peers", NOW, 3650)
    issued = authority.issue_provider("A", ["127.0.0.1"], NOW, days)
    for name, content in {
        "peer.pem": issued.certificate,
        "peer.key": issued.key,
        "ca.pem": authority.certificate,
    }.items():
        (directory / name).write_bytes(content)
    (directory / "strongroom.toml").write_text(CONFIGURATION)
    return load_settings(directory / "strongroom.toml", {}).require_skip()


def judge(catalog: Catalog, skip: SkipSettings) -> list[Alert]:
    with catalog.begin() as session:
        judge_certificates(session, skip, NOW)
    with catalog.read() as session:
        return list(session.scalars(select(Alert).where(Alert.state != AlertState.RESOLVED)))


@pytest.mark.parametrize(("days", "found"), [(31, []), (29, [Severity.MEDIUM]), (6, [Severity.HIGH])])
def test_an_alert_opens_a_month_before_and_is_graver_in_the_last_week(
    catalog: Catalog, tmp_path: Path, days: int, found: list[Severity]
) -> None:
    skip = settings_with(tmp_path, days)

    assert [alert.severity for alert in judge(catalog, skip)] == found
    assert len(judge(catalog, skip)) == len(found)


def test_it_is_cleared_when_the_certificate_was_renewed(catalog: Catalog, tmp_path: Path) -> None:
    assert "peer.pem" in judge(catalog, settings_with(tmp_path, 5))[0].message

    assert judge(catalog, settings_with(tmp_path, 800)) == []
