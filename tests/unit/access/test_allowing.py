"""The decision about an operation, for every kind of principal and every row of the table."""

from datetime import UTC, datetime, timedelta

import pytest

from strongroom.access.allowing import FACTOR_LASTS, verify_allowed
from strongroom.access.errors import GrantInvalidError, PermissionDeniedError, StepUpRequiredError
from strongroom.access.operation import Gravity, Operation
from strongroom.access.operations import OPERATIONS
from strongroom.access.principals import SYSTEM, Grant, Principal, PrincipalKind, Role, Scope

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LOCAL = Principal("local:anna", "anna@here", PrincipalKind.LOCAL)
START = OPERATIONS["POST /v1/backups"]
PAUSE = OPERATIONS["POST /v1/queues/{queue}/pause"]
RETIRE = OPERATIONS["POST /v1/retention/expiries"]


def operator(role: Role, factor_age: timedelta | None = timedelta(0), **more: bool) -> Principal:
    factor_at = None if factor_age is None else NOW - factor_age
    return Principal("1", "anna", PrincipalKind.OPERATOR, role, factor_at=factor_at, **more)


def service(*grants: str) -> Principal:
    return Principal("2", "ci", PrincipalKind.SERVICE, scopes=frozenset(map(Grant.parse, grants)))


def allowed(principal: Principal, operation: Operation, **more: object) -> bool:
    try:
        verify_allowed(principal, operation, NOW, **more)
    except PermissionDeniedError:
        return False
    return True


@pytest.mark.parametrize("role", Role)
def test_a_role_opens_what_it_is_enough_for_and_no_more(role):
    expected = {name for name, row in OPERATIONS.items() if row.public is not None or role >= row.role}

    assert {name for name, row in OPERATIONS.items() if allowed(operator(role), row, stepped_up=True)} == expected


@pytest.mark.parametrize("scope", Scope)
def test_a_scope_opens_its_own_operations_and_no_other(scope):
    expected = {name for name, row in OPERATIONS.items() if row.public is not None or row.scope is scope}

    assert {name for name, row in OPERATIONS.items() if allowed(service(scope), row, stepped_up=True)} == expected


def test_no_scope_reaches_what_destroys():
    scopes = {row.scope for row in OPERATIONS.values() if row.gravity is Gravity.DESTROY}

    assert scopes == {None}


@pytest.mark.parametrize("principal", [LOCAL, SYSTEM], ids=["local", "system"])
def test_whoever_holds_the_keys_is_not_asked_for_a_role(principal):
    assert all(allowed(principal, operation) for operation in OPERATIONS.values())


def test_a_grant_for_sources_opens_those_only():
    token = service("run:backup:shop-*")

    assert allowed(token, START, sources=["shop-a", "shop-b"])
    assert not allowed(token, START, sources=["shop-a", "website"])
    assert not allowed(token, START)
    assert not allowed(token, OPERATIONS["POST /v1/drills"], sources=["shop-a"])


def test_grants_add_up():
    assert allowed(service("run:backup:a", "run:backup:b"), START, sources=["a", "b"])


@pytest.mark.parametrize("age", [None, FACTOR_LASTS + timedelta(microseconds=1), timedelta(seconds=-1)])
def test_a_change_needs_a_fresh_factor(age):
    verify_allowed(operator(Role.ADMIN, FACTOR_LASTS), PAUSE, NOW)

    with pytest.raises(StepUpRequiredError) as refused:
        verify_allowed(operator(Role.ADMIN, age), PAUSE, NOW)
    assert refused.value.details == {"gravity": "change"}


def test_a_fresh_factor_is_not_enough_to_destroy():
    with pytest.raises(StepUpRequiredError) as refused:
        verify_allowed(operator(Role.ADMIN), RETIRE, NOW)
    assert refused.value.details == {"gravity": "destroy"}


def test_who_has_to_enrol_may_do_nothing_else():
    enrolling = operator(Role.ADMIN, enrolling=True)
    enrol = Operation("POST /enrol", Role.VIEWER, None, Gravity.READ, enrolling=True)

    assert allowed(enrolling, enrol)
    assert [
        row.name for row in OPERATIONS.values() if allowed(enrolling, row) and not (row.public or row.enrolling)
    ] == []


@pytest.mark.parametrize("text", ["read", "run:backup", "change:jobs:*", "run:backup:shop:eu"])
def test_a_grant_reads_back_as_written(text):
    assert str(Grant.parse(text)).startswith(text)
    assert Grant.parse(str(Grant.parse(text))) == Grant.parse(text)


@pytest.mark.parametrize("text", ["", "destroy", "mfa", "READ", "run:" + "x" * 300, "run:a\nb", ":backup"])
def test_other_grants_are_refused(text):
    with pytest.raises(GrantInvalidError):
        Grant.parse(text)
