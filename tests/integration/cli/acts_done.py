"""How each command that does more than read is given: the sweep over the audit log goes by it.

Whoever adds such a command adds its line to COMMANDS. Each is given in one installation, in the order in which they
stand here.
"""

import importlib
import io
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from strongroom.alerts.opening import AlertReport, AlertType, Severity, open_alert
from strongroom.audit.acting import Actor, acting
from strongroom.audit.ending import End
from strongroom.audit.heads import Head, keep_head
from strongroom.audit.verifying import AuditLog
from strongroom.catalog.dbtime import database_now
from strongroom.catalog.retention import AgreedPolicy
from strongroom.cli.stepping_up import open_people
from strongroom.runtime import Runtime, build_runtime
from strongroom.settings import load_settings
from strongroom.stepup.acts import Act
from strongroom.stepup.challenges import ask
from tests.integration.cli.conftest import Run, events
from tests.integration.cli.shop import COLUMN, write_rows
from tests.services.operators import enrol_admins

PASSWORD = ("--password-file", "password")


@dataclass
class Place:
    """An installation with backups of one source, and what makes what a command is about."""

    run: Run
    folder: Path
    monkeypatch: pytest.MonkeyPatch
    shop_url: str
    """Of the database of an application with encrypted columns."""

    def open(self) -> Runtime:
        return build_runtime(load_settings(self.folder / "strongroom.toml", os.environ))

    def done(self, *words: str) -> str:
        """Give a command that has to have been given before."""
        code, out, err = self.run(*words)
        assert code == 0, f"{words}: {err}"
        return out

    def document(self, *words: str) -> Any:
        return json.loads(self.done(*words, "--json"))

    def backup(self) -> str:
        return str(events(self.done("backup", "run", "uploads", "--type", "full", "--here", "--json"))[-1]["id"])

    def job(self) -> str:
        """Ask for a backup that nobody makes."""
        return str(events(self.done("backup", "run", "uploads", "--no-wait", "--json"))[-1]["job"])

    def paused_job(self) -> str:
        job = self.job()
        self.done("jobs", "pause", job)
        return job

    def hold(self) -> str:
        self.done("holds", "add", "--source", "uploads", "--reason", "case 4711")
        return str(self.document("holds", "list")["items"][0]["id"])

    def alert(self) -> str:
        runtime = self.open()
        with runtime.catalog.aside() as session:
            now = database_now(session)
            alert = open_alert(session, AlertReport(AlertType.FAILURE, Severity.HIGH, f"c{now}", "m", "Look.", now))
        runtime.close()
        return str(alert.id)

    def export(self) -> str:
        self.done("export", "make", "--output", "exports", "--storage", "uploads", "--latest")
        (made,) = list((self.folder / "exports").iterdir())[:1]
        return str(made)

    def lost_end(self) -> str:
        """Let a region have kept an end of the log that was never in this catalog's rows: that of a copy."""
        copy, catalog = self.folder / "copy.db", self.folder / "data" / "catalog.db"
        shutil.copy(catalog, copy)
        self.done("queues", "pause", "copy", "--reason", "what is lost")
        runtime = self.open()
        log, end = AuditLog(runtime.catalog, runtime.purpose_keys, runtime.stores), End.find(runtime.catalog)
        assert end is not None
        for store in runtime.stores.values():
            keep_head(store, log.key(), Head(end.chain, end.sequence, end.mac, runtime.clock.now()))
        runtime.close()
        shutil.copy(copy, catalog)
        _, out, _ = self.run("audit", "verify", "--json")
        return str(json.loads(out)["lost"][-1]["head"])

    def longer_policy(self) -> None:
        """Have a longer policy agreed upon than the settings have."""
        self.done("retention", "apply", "--here")
        runtime = self.open()
        with runtime.catalog.aside() as session:
            agreed = session.get_one(AgreedPolicy, "uploads")
            agreed.terms = {**agreed.terms, "retention_days": 9999}
        runtime.close()

    def rows_of_the_shop(self) -> None:
        """Have rows under the active version of the column keys, in columns that nobody has registered."""
        engine = create_engine(self.shop_url)
        write_rows(importlib.import_module("app_of_a_test.autenticacao"), engine, self.folder)
        engine.dispose()

    def old_version(self) -> None:
        """Have a version of the column keys that no row needs any more."""
        self.done("secrets", "rotate", "--yes", "--no-wait")
        self.done("secrets", "reencrypt", *COLUMN)

    def waiting_step_up(self) -> str:
        """Have a step-up wait for a second admin, whose code is typed next."""
        self.monkeypatch.setenv("MFA_ENABLED", "true")
        runtime = self.open()
        codes = enrol_admins(runtime.services(), "bea", "rui")
        runtime.close()
        self.type(codes["bea"][0])
        code, _, err = self.run(
            "backup", "retire", [self.backup(), self.backup()][0], "--confirm", "uploads", "--as", "bea"
        )
        assert code == 11, err
        self.type(codes["rui"][0])
        return str(self.document("step-up", "list")["items"][0]["id"])

    def type(self, line: str) -> None:
        """Have the commands that follow read this line."""
        self.monkeypatch.setattr("sys.stdin", io.StringIO(f"{line}\n"))

    def challenge(self) -> str:
        """Ask for a step-up as somebody over HTTP does."""
        runtime = self.open()
        services = runtime.services()
        ana = open_people(services).get("ana")
        with acting(Actor.of(ana)):
            found = str(ask(open_people(services).means, ana, Act("peers.void", "peers")).id)
        runtime.close()
        return found


def _approve(place: Place) -> tuple[str, ...]:
    place.longer_policy()
    return ("retention", "approve", "uploads", "--confirm", "uploads")


def _registered(place: Place) -> tuple[str, ...]:
    place.rows_of_the_shop()
    return ("secrets", "register", "--model", "app_of_a_test.autenticacao:Base")


def _cleaned_up(place: Place) -> tuple[str, ...]:
    place.old_version()
    return ("secrets", "cleanup-keys", *COLUMN, "--keep-versions", "1", "--yes")


def word(*words: str) -> Callable[[Place], tuple[str, ...]]:
    return lambda _: words


COMMANDS: Mapping[str, Callable[[Place], tuple[str, ...]]] = {
    "init": word("init", "--upgrade"),
    "accounts add": word("accounts", "add", "ana", "--role", "admin", *PASSWORD),
    "accounts disable": word("accounts", "disable", "ana"),
    "accounts enable": word("accounts", "enable", "ana"),
    "accounts role": word("accounts", "role", "ana", "admin"),
    "accounts set-email": word("accounts", "set-email", "ana", "ana@example.org"),
    "accounts password": word("accounts", "password", "ana", *PASSWORD),
    "accounts mfa-reset": word("accounts", "mfa-reset", "ana", "--confirm", "ana", "--reason", "lost the phone"),
    "step-up cancel": lambda place: ("step-up", "cancel", place.challenge(), "--as", "ana"),
    "tokens create": word("tokens", "create", "nightly", "--grant", "read"),
    "tokens rotate": word("tokens", "rotate", "nightly"),
    "tokens revoke": word("tokens", "revoke", "nightly", "--all"),
    "backup run": word("backup", "run", "uploads", "--here"),
    "backup verify": word("backup", "verify", "latest:uploads", "--here"),
    "backup retire": lambda place: ("backup", "retire", [place.backup(), place.backup()][0], "--confirm", "uploads"),
    "regions check": word("regions", "check"),
    "restore plan": word("restore", "plan", "latest:uploads", "--target", "restored"),
    "restore run": word("restore", "run", "latest:uploads", "--target", "restored", "--here"),
    "export make": word("export", "make", "--output", "exports", "--storage", "uploads", "--latest"),
    "export check": lambda place: ("export", "check", place.export()),
    "export restore": lambda place: (
        "export", "restore", place.export(), "--storage-only", "--storage-target", "exported", "--no-confirm",
    ),
    "retention apply": word("retention", "apply", "--here"),
    "retention approve": _approve,
    "holds add": word("holds", "add", "--source", "uploads", "--reason", "case 1"),
    "holds release": lambda place: ("holds", "release", place.hold(), "--reason", "closed", "--confirm", "uploads"),
    "drill run": word("drill", "run", "uploads", "--here"),
    "collect": word("collect", "--here"),
    "verify": word("verify", "--here"),
    "repair": word("repair", "latest:uploads", "--here"),
    "rotate-kek": word("rotate-kek", "--region", "us-east-1", "--here"),
    "recovery-kit": word("recovery-kit", "kit.txt", "--here"),
    "catalog rebuild": word("catalog", "rebuild"),
    "jobs cancel": lambda place: ("jobs", "cancel", place.job()),
    "jobs pause": lambda place: ("jobs", "pause", place.job()),
    "jobs resume": lambda place: ("jobs", "resume", place.paused_job()),
    "jobs run": lambda place: ("jobs", "run", place.job()),
    "alerts ack": lambda place: ("alerts", "ack", place.alert()),
    "alerts resolve": lambda place: ("alerts", "resolve", place.alert(), "--note", "done"),
    "alerts silence": word("alerts", "silence", "source=uploads", "--for", "1h", "--reason", "moving"),
    "alerts test": word("alerts", "test", "--all"),
    "watch": word("watch", "--once"),
    "doctor": word("doctor"),
    "queues pause": word("queues", "pause", "backup", "--reason", "disk"),
    "queues resume": word("queues", "resume", "backup"),
    "queues probe": word("queues", "probe", "maintenance", "--timeout", "1"),
    "standby check": word("standby", "check"),
    "sessions reindex": word("sessions", "reindex"),
    "secrets generate": word("secrets", "generate"),
    "secrets register": _registered,
    "secrets rotate": word("secrets", "rotate", "--yes", "--no-wait"),
    "secrets reencrypt": word("secrets", "reencrypt", *COLUMN),
    "secrets disable-versions": word("secrets", "disable-versions", "--versions", "v1", "--yes"),
    "secrets enable-versions": word("secrets", "enable-versions", "--versions", "v1"),
    "secrets remove-versions": word("secrets", "remove-versions", "--versions", "v1", "--yes"),
    "secrets cleanup-keys": _cleaned_up,
    "secrets backup-config": word("secrets", "backup-config"),
    "secrets restore-config": lambda place: (
        "secrets", "restore-config", "--yes", "--backup-file", next(place.folder.glob(".env.crypto.backup_*")).name,
    ),
    "secrets cleanup-jobs": word("secrets", "cleanup-jobs", "--yes"),
    "peers setup": word("peers", "setup", "sites", "--site", "lisbon=127.0.0.1", "--site", "porto=127.0.0.1"),
    "peers join": word("peers", "join", "sites/lisbon"),
    "peers rotate-psk": word("peers", "rotate-psk", "porto", "--write", "porto.json"),
    "peers void": word("peers", "void", "--yes"),
    "peers ping": word("peers", "ping"),
    "peers selftest": word("peers", "selftest", "http://127.0.0.1:1", "--test", "connectivity"),
    "peers revoke": word("peers", "revoke", "porto", "--yes"),
    "audit accept": lambda place: ("audit", "accept", place.lost_end(), "--reason", "why"),
    # From here on there are admins with codes, who are asked for them.
    "step-up approve": lambda place: ("step-up", "approve", place.waiting_step_up(), "--as", "rui"),
}  # fmt: skip
"""What does each of them, without `cli: ` before its name; whom `standby check` and `peers selftest` ask is away."""

FAIL = {
    "secrets disable-versions": ("secrets", "disable-versions", "--versions", "v1", "--yes"),
    "secrets enable-versions": ("secrets", "enable-versions", "--versions", "v1"),
    "secrets remove-versions": ("secrets", "remove-versions", "--versions", "v1", "--yes"),
    "secrets register": ("secrets", "register", "--model", "nothing.there:Base"),
    "secrets reencrypt": ("secrets", "reencrypt", "--model", "nothing.there:User", "--column", "secret"),
    "secrets cleanup-keys": ("secrets", "cleanup-keys", "--model", "nothing.there:User", "--column", "secret"),
    "peers selftest": ("peers", "selftest", "https://127.0.0.1:1", "--identity", "nobody"),
    "standby check": ("standby", "check", "nothing"),
    "sessions reindex": ("sessions", "reindex"),
    "step-up approve": ("step-up", "approve", "0197f3c2-8f4e-7c1a-9d2b-3e4f5a6b7c8d", "--as", "ana"),
}
"""Without the parts that they need: that it failed is in the log too."""

NAMES = {
    **dict.fromkeys(("restore run", "export make", "export restore", "secrets backup-config"), "sensitive_read"),
    "recovery-kit": "sensitive_read",
    "alerts silence": "sys_monitor_disabled",
    "accounts add": "user_created",
    "accounts disable": "user_updated",
    "accounts role": "authz_change",
    "accounts password": "authn_password_change",
    "accounts mfa-reset": "MFA_DISABLED",
    "tokens create": "authn_token_created",
    "tokens revoke": "authn_token_revoked",
    "audit accept": "audit_break_accepted",
}
"""What rows are searched for by, where that is not the name of the command."""
