"""How each route that does more than read is used so that it does something: the sweep over the audit log goes by it.

Whoever adds such a route adds its line to ROUTES, and what it needs before to `House` where that is not there yet.
"""

import shutil
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from strongroom.alerts.opening import AlertReport, AlertType, Severity, open_alert
from strongroom.audit.events import AuditEvent
from strongroom.audit.keeping import HeadKeeping
from strongroom.audit.recording import record_alone
from strongroom.audit.verifying import AuditLog
from strongroom.catalog.backups import Backup
from strongroom.catalog.dbtime import database_now
from strongroom.catalog.retention import AgreedPolicy
from strongroom.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Wish:
    """A request, and what its row says it was about where that is not in the path."""

    path: str
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class House:
    """An installation with a backup, and what makes what a request is about."""

    client: httpx.Client
    runtime: Runtime
    make_backup: Callable[..., uuid.UUID]
    step_up: Callable[..., dict[str, str]]
    folder: Path

    def post(self, path: str, body: Mapping[str, Any] | None = None, **headers: str) -> Any:
        """Ask for something that has to be there before, and return its answer."""
        answer = self.client.post(path, json=dict(body or {}), headers=headers)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def backup(self) -> str:
        return str(self.make_backup("website"))

    def protected(self) -> str:
        """Make a backup that is in every region."""
        backup_id = self.make_backup("website")
        with self.runtime.catalog.aside() as session:
            session.get_one(Backup, backup_id).protected_at = self.runtime.clock.now()
        return str(backup_id)

    def job(self) -> str:
        return str(self.post("/v1/backups", {"source": "website"})["id"])

    def hold(self) -> str:
        return str(self.post("/v1/holds", {"source": "website", "reason": "case 4711"})["id"])

    def token(self) -> str:
        name = f"machine-{uuid.uuid4().hex[:8]}"
        self.post("/v1/tokens", {"name": name, "kind": "ci", "grants": ["read"]})
        return name

    def alert(self) -> str:
        with self.runtime.catalog.aside() as session:
            said = (uuid.uuid4().hex, "Backup failed", "Look.", database_now(session))
            return str(open_alert(session, AlertReport(AlertType.FAILURE, Severity.HIGH, *said)).id)

    def silence(self) -> str:
        wish = {"matcher": {"source": "shop"}, "reason": "moving", "seconds": 60}
        return str(self.post("/v1/alert-silences", wish)["id"])

    def reencryption(self) -> int:
        """Ask for one of which the one before is over."""
        return int(self.post("/v1/reencryptions", REENCRYPTION)["id"])

    def over(self, number: int) -> None:
        """Have a re-encryption ended, unless it has."""
        self.client.post(f"/v1/reencryptions/{number}/cancel")

    def longer_policy(self) -> None:
        """Have a longer policy agreed upon than the settings have."""
        self.make_backup("website")
        with self.runtime.catalog.aside() as session:
            found = session.get(AgreedPolicy, "website")
            row = found or AgreedPolicy(source="website", policy="operational-data", agreed_by="settings")
            row.terms, row.agreed_at = {"retention_days": 3650}, self.runtime.clock.now()
            session.add(row)

    def lost_end(self) -> str:
        """Put an older catalog back, and return the end of the log that is gone."""
        for store in self.runtime.stores.values():
            store.prepare()  # type: ignore[attr-defined]  # of the directories that these regions are
        catalog, older = self.folder / "catalog.db", self.folder / "older.db"
        self.runtime.catalog.close()
        shutil.copy(catalog, older)
        record_alone(self.runtime.catalog, AuditEvent("user_updated", "what is lost"))
        log = AuditLog(self.runtime.catalog, self.runtime.purpose_keys, self.runtime.stores)
        HeadKeeping(log, self.runtime.clock).keep()
        self.runtime.catalog.close()
        shutil.copy(older, catalog)
        return str(self.client.get("/v1/audit/verification").json()["lost"][-1]["head"])


REENCRYPTION = {"table": "users", "column": "secret"}
RESTORE = {"backup": "latest:website", "target": {"kind": "files", "path": "/srv/restored"}}


def _released(house: House) -> Wish:
    hold = house.hold()
    body = {"reason": "closed", "confirm": "website"}
    return Wish(f"/v1/holds/{hold}/release", body, house.step_up("holds.release", "website", hold))


def _retired(house: House) -> Wish:
    old, _ = house.backup(), house.backup()
    permit = house.step_up("backup.retire", "website", old)
    return Wish("/v1/retention/expiries", {"backup": old, "confirm": "website"}, permit)


def _approved(house: House) -> Wish:
    house.longer_policy()
    permit = house.step_up("retention.shorten", "website")
    return Wish("/v1/retention/approvals", {"source": "website", "confirm": "website"}, permit)


def _accepted(house: House) -> Wish:
    head = house.lost_end()
    return Wish("/v1/audit/acceptances", {"head": head, "reason": "why"}, house.step_up("audit.accept", head))


def _resumed(house: House) -> Wish:
    job = house.job()
    house.post(f"/v1/jobs/{job}/pause")
    return Wish(f"/v1/jobs/{job}/resume")


def _reencryption(house: House, verb: str) -> Wish:
    number = house.reencryption()
    if verb == "resume":
        house.post(f"/v1/reencryptions/{number}/pause")
    return Wish(f"/v1/reencryptions/{number}/{verb}")


ROUTES: Mapping[str, Callable[[House], Wish]] = {
    "POST /v1/backups": lambda _: Wish("/v1/backups", {"source": "website"}),
    "POST /v1/batches": lambda _: Wish("/v1/batches", {"items": [{"job": "backup", "source": "website"}]}),
    "POST /v1/probes": lambda _: Wish("/v1/probes", {"queues": ["copy"]}),
    "POST /v1/restores/plan": lambda _: Wish("/v1/restores/plan", RESTORE),
    "POST /v1/restores": lambda _: Wish("/v1/restores", RESTORE),
    "POST /v1/verifications": lambda _: Wish("/v1/verifications", {"backup": "latest:website"}),
    "POST /v1/region-verifications": lambda _: Wish("/v1/region-verifications", {"region": "there"}),
    "POST /v1/repairs": lambda _: Wish("/v1/repairs", {"backup": "latest:website", "region": "there"}),
    "POST /v1/rotations": lambda _: Wish("/v1/rotations", {"region": "there"}),
    "POST /v1/reencryptions": lambda _: Wish("/v1/reencryptions", REENCRYPTION),
    "POST /v1/reencryptions/{number}/pause": lambda house: _reencryption(house, "pause"),
    "POST /v1/reencryptions/{number}/resume": lambda house: _reencryption(house, "resume"),
    "POST /v1/reencryptions/{number}/cancel": lambda house: _reencryption(house, "cancel"),
    "POST /v1/collections": lambda _: Wish("/v1/collections", {"region": "there"}),
    "POST /v1/drills": lambda house: Wish("/v1/drills", {"source": "website", "backup": house.protected()}),
    "POST /v1/retention/runs": lambda _: Wish("/v1/retention/runs", {"apply": True}),
    "POST /v1/retention/approvals": _approved,
    "POST /v1/retention/expiries": _retired,
    "POST /v1/holds": lambda _: Wish("/v1/holds", {"source": "website", "reason": "case 4711"}),
    "POST /v1/holds/{hold_id}/release": _released,
    "POST /v1/jobs/{job_id}/cancel": lambda house: Wish(f"/v1/jobs/{house.job()}/cancel"),
    "POST /v1/jobs/{job_id}/pause": lambda house: Wish(f"/v1/jobs/{house.job()}/pause"),
    "POST /v1/jobs/{job_id}/resume": _resumed,
    "POST /v1/queues/{queue}/pause": lambda _: Wish("/v1/queues/backup/pause", {"reason": "disk change"}),
    "POST /v1/queues/{queue}/resume": lambda _: Wish("/v1/queues/backup/resume"),
    "POST /v1/alerts/{alert_id}/ack": lambda house: Wish(f"/v1/alerts/{house.alert()}/ack"),
    "POST /v1/alerts/{alert_id}/resolve": lambda house: Wish(f"/v1/alerts/{house.alert()}/resolve", {"note": "done"}),
    "POST /v1/alert-silences": lambda _: Wish(
        "/v1/alert-silences", {"matcher": {"source": "shop"}, "reason": "moving", "seconds": 60}
    ),
    "POST /v1/alert-silences/{silence_id}/end": lambda house: Wish(f"/v1/alert-silences/{house.silence()}/end"),
    "POST /v1/alert-channels/{name}/test": lambda _: Wish("/v1/alert-channels/page/test"),
    "POST /v1/audit/acceptances": _accepted,
    "POST /v1/tokens": lambda _: Wish("/v1/tokens", {"name": "nightly", "kind": "ci", "grants": ["read"]}),
    "POST /v1/tokens/{name}/rotate": lambda house: Wish(f"/v1/tokens/{house.token()}/rotate"),
    "POST /v1/tokens/{name}/revoke": lambda house: Wish(f"/v1/tokens/{house.token()}/revoke"),
}
"""What does each of them; the one that puts an older catalog back is asked for last."""

NAMES = {
    "POST /v1/restores": "sensitive_read",
    "POST /v1/alert-silences": "sys_monitor_disabled",
    "POST /v1/tokens": "authn_token_created",
    "POST /v1/tokens/{name}/rotate": "authn_token_created",
    "POST /v1/tokens/{name}/revoke": "authn_token_revoked",
    "POST /v1/audit/acceptances": "audit_break_accepted",
}
"""What rows are searched for by, where that is not the name of the route."""
