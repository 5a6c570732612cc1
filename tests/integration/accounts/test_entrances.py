"""Every way in leaves its row: who came or was refused, through which door, why, and with the ids of the request."""

import uuid
from dataclasses import dataclass, field

import pytest
from httpx import Response

from strongroom.catalog.audit import AuditRow
from tests.integration.accounts.conftest import OpenSite, Site
from tests.services.audit import audit_rows
from tests.services.operators import PASSWORD

AUTH = "/api/v1/auth"
Told = tuple[str, str, str, str]
"""Action, outcome, kind and name of the actor."""


@dataclass
class Door:
    """Knocks, and remembers what each request left."""

    site: Site
    rows: list[AuditRow] = field(default_factory=list)

    def post(self, path: str, body: dict[str, str] | None = None, token: str = "", *, below: str = AUTH) -> Response:
        trace = uuid.uuid4().hex
        headers = {"X-Trace-Id": trace} | ({"Authorization": f"Bearer {token}"} if token else {})
        answer: Response = self.site.client.post(f"{below}{path}", json=body, headers=headers)
        self.site.app.state.refusals.flush()
        self.rows = audit_rows(self.site.house.services.catalog, request_id=answer.headers["X-Request-ID"])
        assert {(row.trace_id, row.address) for row in self.rows} <= {(trace, "testclient")}
        return answer

    def told(self) -> list[Told]:
        """Return what the last request left."""
        return [(row.action, row.outcome, row.actor_kind, row.actor_name) for row in self.rows]


@pytest.fixture
def door(open_site: OpenSite) -> Door:
    """The API of an installation with the operator ana."""
    return Door(open_site())


ANA = ("operator", "ana")
NOBODY = ("stranger", "")


def test_a_password_alone_says_who_came_in_or_was_refused(door: Door) -> None:
    door.post("/login", {"username": "ana", "password": "wrong"})
    assert door.told() == [("authn_login_fail", "refused", *NOBODY)]
    known = door.rows[0].target
    door.post("/login", {"username": "bob", "password": "wrong"})
    assert door.told() == [("authn_login_fail", "refused", *NOBODY)]
    assert [(row.target, row.reason) for row in door.rows] == [("nobody", "unknown")]

    door.post("/login", {"username": "ana", "password": PASSWORD})
    assert door.told() == [("authn_login_success", "done", *ANA)]
    assert [(row.target, row.actor_id, row.operation) for row in door.rows] == [(known, known, f"POST {AUTH}/login")]


def test_a_login_with_a_code_says_who_came_in_or_was_refused(door: Door) -> None:
    secret, _ = door.site.enrol(door.site.log_in().json()["access_token"])
    half = door.site.log_in().json()["mfa_token"]
    door.post("/login/mfa-verify", {"mfa_token": half, "code": "000000"})
    assert door.told() == [("MFA_CHALLENGE_FAILED", "refused", *NOBODY)]
    door.post("/login/mfa-verify", {"mfa_token": half, "code": door.site.code(secret)})
    assert door.told() == [("MFA_CHALLENGE_PASSED", "done", *ANA), ("authn_login_success", "done", *ANA)]
    door.post("/login/mfa-verify", {"mfa_token": half, "code": door.site.code(secret)})
    assert [(row.outcome, row.actor_kind) for row in door.rows] == [("refused", "stranger")]


def test_what_is_done_with_a_session_says_whose_it_is(door: Door) -> None:
    secret, _ = door.site.enrol(door.site.log_in().json()["access_token"])
    half = door.site.log_in().json()["mfa_token"]
    pair = door.post("/login/mfa-verify", {"mfa_token": half, "code": door.site.code(secret)}).json()
    token = pair["access_token"]

    door.site.house.clock.move(seconds=30)
    door.post("/mfa/backup-codes/regenerate", {"code": door.site.code(secret)}, token)
    assert door.told() == [("MFA_CHALLENGE_PASSED", "done", *ANA), ("MFA_BACKUP_CODES_REGENERATED", "done", *ANA)]
    door.post("/logout-others", token=token)
    assert door.told() == [("authn_token_revoked", "done", *ANA)]
    door.site.house.clock.move(seconds=30)
    door.post("/mfa/disable", {"password": PASSWORD, "code": door.site.code(secret)}, token)
    assert door.told() == [("MFA_CHALLENGE_PASSED", "done", *ANA), ("MFA_DISABLED", "done", *ANA)]


def test_tokens_that_came_before_or_are_over_are_told_apart(door: Door) -> None:
    first = door.site.log_in().json()
    second = door.post("/refresh", {"refresh_token": first["refresh_token"]}).json()
    door.post("/refresh", {"refresh_token": first["refresh_token"]})
    assert door.told() == [("authn_token_reuse", "refused", *NOBODY)]
    door.post("/mfa/verify", {"code": "000000"}, second["access_token"])
    assert door.told() == [("session_use_after_expire", "refused", *NOBODY)]

    token = door.site.log_in().json()["access_token"]
    door.post("/logout", token=token)
    assert door.told() == [("authn_token_revoked", "done", *ANA)]
    door.post("/backup/pause", {"reason": "x"}, "no token of ours", below="/v1/queues")
    assert [(row.action, row.reason) for row in door.rows] == [("authn_login_fail", "token malformed")]
