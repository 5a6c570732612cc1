"""Every operation that the API describes, asked for by everybody there is, about one's own source and another's.

What each cell has to say is written down here by itself, from the table of operations, and not asked of the decision.
"""

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from strongroom.access.operation import Gravity, Operation, SourceIn
from strongroom.access.operations import OPERATIONS
from strongroom.access.principals import Principal, Role, Scope
from strongroom.clock import SystemClock

LOGIN = re.compile(r"^(?P<role>viewer|operator|admin)( (?P<state>enrolling|stale))?$")
MINE, OTHERS = "website", "shop"


@pytest.fixture
def catalog_url(sqlite_catalog_url: str) -> str:
    """One kind of catalog: this is about decisions."""
    return sqlite_catalog_url


@dataclass(frozen=True)
class Caller:
    """Who asks: what is shown, and what it stands for."""

    name: str
    shown: str | None
    role: Role | None = None
    enrolling: bool = False
    stale: bool = False
    scope: Scope | None = None
    only: str | None = None
    """The one source that a machine's grants are for."""


def people() -> Iterator[Caller]:
    """Yield everybody who has logged in."""
    for role in Role:
        name = role.name.lower()
        yield Caller(name, name, role)
        yield Caller(f"{name} stale", f"{name} stale", role, stale=True)
    yield Caller("admin enrolling", "admin enrolling", Role.ADMIN, enrolling=True)


@pytest.fixture
def callers(app: FastAPI, make_machine: Callable[..., httpx.Client]) -> list[Caller]:
    """Everybody there is, known to the application."""
    usual = app.state.gate.authenticate

    def authenticate(shown: str) -> Principal:
        found = LOGIN.match(shown)
        if found is None:
            return usual(shown)  # type: ignore[no-any-return]  # of the state of an application
        now, state = SystemClock().now(), found["state"]
        principal = usual("the access token of an operator of these tests")
        shown_at = None if state == "enrolling" else now - timedelta(minutes=11) if state == "stale" else now
        return replace(principal, role=Role[found["role"].upper()], enrolling=state == "enrolling", factor_at=shown_at)

    app.state.gate.authenticate = authenticate
    machines = []
    for scope in Scope:
        for only in (None, MINE):
            grant = scope.value if only is None else f"{scope}:*:{only}"
            shown = make_machine(grant).headers["Authorization"].removeprefix("Bearer ")
            machines.append(Caller(grant, shown, scope=scope, only=only))
    return [Caller("nobody", None), Caller("a wrong token", "wrong"), *people(), *machines]


def expected(row: Operation, caller: Caller, source: str | None) -> str | None:
    """Return the code of the refusal that is due, None where the caller may."""
    if row.public is not None:
        return None
    if caller.scope is not None:
        return None if _machine_may(row, caller, source) else "access.permission_denied"
    if caller.role is None:
        return "access.credential_refused"
    if not (row.enrolling if caller.enrolling else caller.role >= row.role):
        return "access.permission_denied"
    needs_code = row.gravity is Gravity.DESTROY or (row.gravity is Gravity.CHANGE and caller.stale)
    return "access.step_up_required" if needs_code else None


def _machine_may(row: Operation, caller: Caller, source: str | None) -> bool:
    named = source if row.source_in is not SourceIn.NOWHERE else None
    return row.scope is caller.scope and row.gravity is not Gravity.DESTROY and caller.only in (None, named)


REFUSALS = {"access.credential_refused", "access.permission_denied", "access.step_up_required"}


@dataclass(frozen=True)
class Question:
    """A request about a source, or about none."""

    method: str
    path: str
    options: dict[str, Any]
    source: str | None


@pytest.fixture
def ask(make_backup: Callable[..., uuid.UUID], client: httpx.Client) -> Callable[[Operation, str | None], Question]:
    """Return what writes the request of an operation about a source."""
    backups = {source: str(make_backup(source)) for source in (MINE, OTHERS)}
    jobs = {source: client.post("/v1/backups", json={"source": source}).json()["id"] for source in (MINE, OTHERS)}

    def asked(row: Operation, source: str | None) -> Question:
        method, path = row.name.split()
        options: dict[str, Any] = {}
        filling = {"backup_id": backups.get(source or "", "x"), "job_id": jobs.get(source or "", "x")}
        path = re.sub(r"\{(\w+)\}", lambda found: filling.get(found[1], "something"), path)
        match row.source_in:
            case SourceIn.QUERY if source is not None:
                options["params"] = {"source": source}
            case SourceIn.BODY if source is not None:
                options["json"] = {"source": source, "nothing of this name": 1}
            case SourceIn.ITEMS if source is not None:
                options["json"] = {"items": [{"source": source, "nothing of this name": 1}]}
        return Question(method, path, options, source)

    return asked


def described(client: httpx.Client) -> list[Operation]:
    """Return the row of every operation that the API describes."""
    paths = client.get("/openapi.json").json()["paths"]
    return [OPERATIONS[f"{method.upper()} {path}"] for path, methods in paths.items() for method in methods]


def refusal(stranger: httpx.Client, question: Question, caller: Caller) -> str | None:
    """Return the code with which the gate refuses a caller, and a failure of the server by its status."""
    headers = {} if caller.shown is None else {"Authorization": f"Bearer {caller.shown}"}
    answer = stranger.request(question.method, question.path, headers=headers, **question.options)
    # 503 is what one-time sessions say here, where there is no Redis.
    if answer.status_code == httpx.codes.INTERNAL_SERVER_ERROR:
        return "500"
    said = answer.json().get("code") if "problem" in answer.headers.get("content-type", "") else None
    return said if said in REFUSALS else None


def test_every_cell_of_the_matrix_is_as_the_table_says(client, stranger, callers, ask):
    rows = described(client)
    about = [(row, source) for row in rows for source in (None, MINE, OTHERS)]
    about = [(row, source) for row, source in about if source is None or row.source_in is not SourceIn.NOWHERE]
    wrong = []
    for row, source in about:
        question = ask(row, source)
        for caller in callers:
            said, due = refusal(stranger, question, caller), expected(row, caller, source)
            if said != due:
                wrong.append(f"{row.name} by {caller.name} of {source}: {said}, not {due}")

    assert len(rows) > 70
    assert len(about) > len(rows)
    assert wrong == [], "\n".join(wrong)
