"""An installation's settings with channels that lead to fakes, and messages to send."""

from collections.abc import Mapping
from pathlib import Path

from strongroom.alerts.message import Message, Subject
from strongroom.catalog.alerts import NoticeReason
from strongroom.settings import Settings, load_settings

LOOPBACK = 'private_networks = ["127.0.0.1/32"]'
SECRETS = {
    "TOKEN": "t0ken-that-nobody-sees",
    "PASSWORD": "passw0rd-that-nobody-sees",
    "SECRET": "s3cret-that-nobody-sees",
}


def settings_with(
    tmp_path: Path, tables: str, env: Mapping[str, str], *, alerts: str = LOOPBACK, catalog_url: str | None = None
) -> Settings:
    """Return settings with one region, the source `shop` and these tables."""
    for name in ("region", "shop"):
        (tmp_path / name).mkdir(exist_ok=True)
    path = tmp_path / "strongroom.toml"
    text = f'[regions.eu]\npath = "region"\n[sources.shop]\nkind = "files"\npath = "shop"\n[alerts]\n{alerts}\n{tables}'
    path.write_text(text, encoding="utf-8")
    where = {} if catalog_url is None else {"STRONGROOM_CATALOG_URL": catalog_url}
    return load_settings(path, {**env, **where})


def subject(**changes: object) -> Subject:
    values: dict[str, object] = {
        "id": "0193a4c2-7b1e-7c5d-9f3a-2b6c8d1e4f70",
        "backup_id": "0193a4c2-0000-7c5d-9f3a-2b6c8d1e4f70",
        "type": "failure",
        "severity": "critical",
        "message": "Backup failed: shop",
        "timestamp": "2026-05-04T12:00:00+00:00",
        "resolved": False,
        "dedup_key": "d" * 64,
        "state": "open",
        "cause": "backup.failed",
        "source": "shop",
        "region": None,
        "policy": None,
        "job_id": None,
        "trace_id": "a" * 32,
        "count": 3,
        "since": "2026-05-04T12:00:00+00:00",
        "next_step": "Look at the job.",
        "runbook": "docs/runbook.md#backup-failed",
        "link": "https://backup.example.com/v1/alerts/1",
    }
    return Subject(**(values | changes))  # type: ignore[arg-type] # the values are those of the fields


def message(*subjects: Subject, reason: NoticeReason = NoticeReason.OPENED, title: str | None = None) -> Message:
    said = title or "[CRITICAL] Backup failed: shop"
    return Message("0193a4c2-1111-7c5d-9f3a-2b6c8d1e4f70", reason, said, subjects or (subject(),))
