"""A step-up from the login to the deed, over HTTP: two administrators, and codes of an independent program."""

import shutil
import subprocess
import uuid
from dataclasses import dataclass

import pytest
from httpx import Response

from strongroom.access.principals import Role
from strongroom.catalog.backups import Backup, BackupKind, BackupState
from tests.integration.accounts.conftest import OpenSite, Site
from tests.services.operators import PASSWORD
from tests.services.requirement import service_is_missing

CHALLENGES = "/v1/step-up/challenges"


@dataclass
class Person:
    """An administrator with an app, which is `oathtool`."""

    site: Site
    name: str
    secret: str
    token: str = ""

    def code(self) -> str:
        """Return what the app shows now, once: the clock goes on to the next code."""
        tool = shutil.which("oathtool") or service_is_missing("oathtool is not installed: tests/install-services")
        now = self.site.house.clock.now()
        words = [tool, "--totp", "-b", "--now", now.strftime("%Y-%m-%d %H:%M:%S UTC"), self.secret]
        shown = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
        self.site.house.clock.move(seconds=30)
        return shown

    def log_in(self) -> None:
        """Show password and code."""
        token = self.site.log_in(self.name, PASSWORD).json()["mfa_token"]
        answer = self.site.post("/login/mfa-verify", {"mfa_token": token, "code": self.code()})
        self.token = answer.json()["access_token"]

    def send(self, path: str, body: object = None, **headers: str) -> Response:
        """Send a request as this person."""
        headers = {"Authorization": f"Bearer {self.token}", **headers}
        answer: Response = self.site.client.post(path, json=body, headers=headers)
        return answer


@pytest.fixture
def people(open_site: OpenSite) -> tuple[Person, Person]:
    """Two administrators who are logged in."""
    site = open_site(Role.ADMIN)
    site.house.operators.accounts.add("rui", Role.ADMIN, PASSWORD)
    found = []
    for name in ("ana", "rui"):
        secret, _ = site.enrol(site.log_in(name).json()["enroll_token"])
        found.append(Person(site, name, secret))
        found[-1].log_in()
    return found[0], found[1]


def code_of(answer: Response) -> tuple[int, str]:
    """Return the status and the code of a refusal."""
    return answer.status_code, answer.json()["code"]


def a_backup(site: Site) -> str:
    """Write a committed backup of a source into the catalog; return its id."""
    now, backup_id = site.house.clock.now(), uuid.uuid4()
    with site.house.services.catalog.begin() as session:
        session.add(
            Backup(
                id=backup_id,
                source="shop",
                source_kind="postgres",
                kind=BackupKind.FULL,
                state=BackupState.COMMITTED,
                session_id=uuid.uuid4(),
                trace_id="0" * 32,
                policy="operational-data",
                regions=["home"],
                created_at=now,
                committed_at=now,
            )
        )
    return str(backup_id)


def state_of(site: Site, backup: str) -> BackupState:
    """Return how a backup stands."""
    with site.house.services.catalog.read() as session:
        return session.get_one(Backup, uuid.UUID(backup)).state


def test_all_alerts_are_silenced_with_a_fresh_code_only(people: tuple[Person, Person]) -> None:
    ana, _ = people
    wish = {"matcher": {"severity": "*"}, "reason": "the server is being moved", "seconds": 60}
    assert code_of(ana.send("/v1/alert-silences", wish)) == (403, "stepup.refused")
    asked = ana.send(CHALLENGES, {"verb": "alerts.mute", "target": "alerts"}).json()["id"]
    used = ana.code()
    assert ana.send("/api/v1/auth/mfa/verify", {"code": used}).status_code == 200
    confirm = f"{CHALLENGES}/{asked}/confirm"
    for code in (used, "000000", "not a code"):
        assert ana.send(confirm, {"code": code, "typed": "alerts"}).status_code == 403
    assert code_of(ana.send("/v1/alert-silences", wish, **{"Step-Up": asked})) == (403, "stepup.refused")

    assert ana.send(confirm, {"code": ana.code(), "typed": "alerts"}).json()["state"] == "confirmed"
    assert ana.send("/v1/alert-silences", wish, **{"Step-Up": asked}).status_code == 201
    assert code_of(ana.send("/v1/alert-silences", wish, **{"Step-Up": asked})) == (403, "stepup.refused")


def test_a_backup_is_given_up_by_two_people_and_after_a_day(people: tuple[Person, Person]) -> None:
    ana, rui = people
    backup = a_backup(ana.site)
    wish = {"backup": backup, "confirm": "shop"}
    assert code_of(ana.send("/v1/retention/expiries", wish)) == (403, "access.step_up_required")
    asked = ana.send(CHALLENGES, {"verb": "backup.retire", "target": "shop", "subject": backup}).json()["id"]
    confirm, approve, header = f"{CHALLENGES}/{asked}/confirm", f"{CHALLENGES}/{asked}/approve", {"Step-Up": asked}

    assert ana.send(confirm, {"code": rui.code(), "typed": "shop"}).status_code == 403, "somebody else's code"
    assert ana.send(confirm, {"code": ana.code(), "typed": "shop"}).status_code == 200
    assert code_of(ana.send("/v1/retention/expiries", wish, **header)) == (409, "stepup.waiting")
    assert ana.send(approve, {"code": ana.code()}).status_code == 403, "one's own approval"
    assert rui.send(approve, {"code": rui.code()}).json()["state"] == "waiting"
    assert code_of(ana.send("/v1/retention/expiries", wish, **header)) == (409, "stepup.waiting")
    assert state_of(ana.site, backup) is BackupState.COMMITTED

    ana.site.house.clock.move(hours=24)
    ana.log_in()
    assert code_of(ana.send("/v1/retention/expiries", wish, **header)) == (403, "stepup.refused"), "an old code"
    assert ana.send(confirm, {"code": ana.code(), "typed": "shop"}).status_code == 200
    done = ana.send("/v1/retention/expiries", wish, **header)
    assert done.status_code in (200, 201, 202), done.text
    assert state_of(ana.site, backup) is not BackupState.COMMITTED
    assert code_of(ana.send("/v1/retention/expiries", wish, **header))[1] != "stepup.waiting"
