"""Service tokens from their making to their end, on both kinds of catalog."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import select

from strongroom.access.errors import CredentialRefusedError
from strongroom.access.principals import Grant, PrincipalKind
from strongroom.catalog.alerts import Alert
from strongroom.catalog.service_tokens import ServiceToken, TokenKind
from strongroom.clock import SystemClock, system_random
from strongroom.errors import InvalidInputError
from strongroom.servicetokens.checking import TokenCheck
from strongroom.servicetokens.errors import TokenExistsError, TokenNotFoundError
from strongroom.servicetokens.tokens import NewToken, ServiceTokens, TokenRequest


class Ahead(SystemClock):
    """A clock that can be put forward."""

    def __init__(self) -> None:
        self.by = timedelta(0)

    def now(self):
        return super().now() + self.by

    def monotonic(self):
        return super().monotonic() + self.by.total_seconds()


@pytest.fixture
def clock() -> Ahead:
    return Ahead()


@pytest.fixture
def tokens(catalog, clock) -> ServiceTokens:
    return ServiceTokens(catalog, clock, system_random)


@pytest.fixture
def check(catalog, clock) -> TokenCheck:
    return TokenCheck(catalog, clock)


def make(tokens: ServiceTokens, networks: Sequence[str] = (), days: int = 90) -> NewToken:
    return tokens.create(TokenRequest("nightly", TokenKind.CI, ["run:backup:shop"], "ada", networks, days))


def alerts(catalog) -> list[tuple[str, str]]:
    with catalog.read() as session:
        return [(alert.cause, alert.severity) for alert in session.scalars(select(Alert))]


def test_a_token_says_whose_it_is_and_what_it_may(tokens, check, clock):
    new = make(tokens)
    principal = check.authenticate(new.text, "192.0.2.1")

    assert (principal.name, principal.kind, principal.id) == ("nightly", PrincipalKind.SERVICE, str(new.row.id))
    assert principal.scopes == {Grant.parse("run:backup:shop")}
    (row,) = tokens.list()
    assert row.last_used_on == clock.now().date()
    assert row.expires_at - row.created_at == timedelta(days=90)


def test_the_catalog_does_not_hold_the_token(tokens, catalog):
    new = make(tokens)
    with catalog.read() as session:
        held = session.execute(select(*ServiceToken.__table__.columns)).one()

    assert new.text not in repr(held)
    assert new.text.split("_")[2] not in repr(held)
    assert new.text not in repr(new)


@pytest.mark.parametrize("end", ["revoked", "expired"])
def test_a_token_that_has_ended_opens_an_alert_and_nothing_else(tokens, check, clock, catalog, end):
    new = make(tokens)
    check.authenticate(new.text, None)
    if end == "revoked":
        tokens.revoke("nightly", by="ada")
        clock.by = timedelta(seconds=2)
    else:
        clock.by = timedelta(days=90)

    for _ in range(3):
        with pytest.raises(CredentialRefusedError):
            check.authenticate(new.text, None)

    assert alerts(catalog) == [("token.reuse", "high")]
    assert tokens.list() == []
    assert len(tokens.list(ended=True)) == 1


def test_a_token_nobody_made_opens_nothing_and_no_alert(check, catalog, clock):
    stranger = make(ServiceTokens(catalog, clock, system_random)).text
    for text in (stranger[:-1] + "x", "strongroom_ci_x_y", ""):
        with pytest.raises(CredentialRefusedError):
            check.authenticate(text, None)

    assert alerts(catalog) == []


@pytest.mark.parametrize(("address", "passes"), [("10.1.2.3", True), ("192.0.2.1", False), (None, False), ("x", False)])
def test_a_token_may_be_bound_to_networks(tokens, check, address, passes):
    new = make(tokens, networks=["10.0.0.0/8", "2001:db8::/32"])
    try:
        check.authenticate(new.text, address)
    except CredentialRefusedError:
        assert not passes
    else:
        assert passes


def test_while_a_token_is_rotated_both_work(tokens, check):
    old = make(tokens)
    new = tokens.rotate("nightly", by="ada")

    assert check.authenticate(old.text, None).scopes == check.authenticate(new.text, None).scopes
    with pytest.raises(TokenExistsError):
        tokens.rotate("nightly", by="ada")
    tokens.revoke(str(old.row.id), by="ada")
    assert [row.generation for row in tokens.list()] == [2]


def test_a_name_has_one_token_and_what_is_not_there_cannot_end(tokens):
    make(tokens)

    with pytest.raises(TokenExistsError):
        make(tokens)
    with pytest.raises(TokenNotFoundError):
        tokens.revoke("weekly", by="ada")
    with pytest.raises(TokenNotFoundError):
        tokens.rotate("weekly", by="ada")


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Nightly!"},
        {"name": ""},
        {"days": 0},
        {"days": 367},
        {"grants": []},
        {"grants": ["destroy"]},
        {"networks": ["10.0.0.1/8"]},
        {"networks": ["everywhere"]},
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(tokens, change):
    wish = {"name": "a", "kind": TokenKind.CI, "grants": ["read"], "by": "ada", **change}
    with pytest.raises(InvalidInputError):
        tokens.create(TokenRequest(**wish))

    assert tokens.list(ended=True) == []
