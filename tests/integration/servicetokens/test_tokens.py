"""Service tokens from their making to their end, on both kinds of catalog."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from strongroom.access.errors import CredentialRefusedError
from strongroom.access.principals import Grant, PrincipalKind
from strongroom.catalog.alerts import Alert, AlertState
from strongroom.catalog.engine import open_engine
from strongroom.catalog.service_tokens import ServiceToken, TokenKind
from strongroom.catalog.session import Catalog
from strongroom.clock import SystemClock, system_random
from strongroom.errors import InvalidInputError
from strongroom.servicetokens.checking import TokenCheck
from strongroom.servicetokens.ending import warn_of_ends
from strongroom.servicetokens.errors import TokenChoiceError, TokenExistsError, TokenNotFoundError
from strongroom.servicetokens.tokens import Ending, NewToken, ServiceTokens, TokenRequest


class Ahead(SystemClock):
    """A clock that stands still until it is put forward."""

    def __init__(self) -> None:
        self.by, self._began = timedelta(0), super().now()

    def now(self):
        return self._began + self.by

    def monotonic(self):
        return self.by.total_seconds()


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

    assert alerts(catalog) == [("token.reuse.nightly", "high")]
    assert tokens.list() == []
    assert len(tokens.list(ended=True)) == 1


def test_a_flood_with_an_ended_token_is_told_to_its_alert_once_a_minute(tokens, check, clock, catalog):
    new = make(tokens)
    clock.by = timedelta(days=90)

    def show(times: int) -> int:
        for _ in range(times):
            with pytest.raises(CredentialRefusedError):
                check.authenticate(new.text, None)
        with catalog.read() as session:
            return session.scalars(select(Alert.count)).one()

    assert show(50) == 1
    clock.by += timedelta(seconds=60)
    assert show(50) == 2


def test_memory_lets_in_for_a_second_only_and_only_what_was_let_in(tokens, check, clock):
    new = make(tokens, networks=["10.0.0.0/8"])
    assert check.find_known(new.text, "10.1.2.3") is None
    principal = check.authenticate(new.text, "10.1.2.3")

    assert check.find_known(new.text, "10.1.2.3") == principal
    assert check.find_known(new.text, "192.0.2.1") is None
    tokens.revoke("nightly", by="ada")
    clock.by = timedelta(seconds=1)
    assert check.find_known(new.text, "10.1.2.3") is None


def test_memory_lets_nothing_in_that_has_expired_since(tokens, check, clock, catalog):
    new = make(tokens)
    clock.by = timedelta(days=90) - timedelta(seconds=0.5)
    check.authenticate(new.text, None)
    assert check.find_known(new.text, None) is not None

    clock.by = timedelta(days=90)
    assert check.find_known(new.text, None) is None


def test_a_token_nobody_made_opens_nothing_and_no_alert(check, catalog, clock):
    stranger = make(ServiceTokens(catalog, clock, system_random)).text
    for text in (stranger[:-1] + ("y" if stranger.endswith("x") else "x"), "strongroom_ci_x_y", ""):
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


def test_after_a_rotation_the_new_token_ends_only_where_that_is_said(tokens, check):
    old = make(tokens)
    new = tokens.rotate("nightly", by="ada")

    with pytest.raises(TokenChoiceError):
        tokens.revoke("nightly", by="ada")
    assert [row.generation for row in tokens.list()] == [1, 2]
    assert [row.id for row in tokens.revoke("nightly", by="ada", which=Ending.OLD)] == [old.row.id]
    assert check.authenticate(new.text, None).name == "nightly"
    with pytest.raises(TokenNotFoundError):
        tokens.revoke("nightly", by="ada", which=Ending.OLD)
    tokens.rotate("nightly", by="ada")
    assert [row.generation for row in tokens.revoke("nightly", by="ada", which=Ending.ALL)] == [2, 3]
    assert tokens.list() == []


def test_an_old_token_that_is_named_by_its_id_ends_as_old_and_the_newest_does_not(tokens):
    old = make(tokens)
    new = tokens.rotate("nightly", by="ada")

    with pytest.raises(TokenNotFoundError, match="older than the newest"):
        tokens.revoke(str(new.row.id), by="ada", which=Ending.OLD)
    assert [row.id for row in tokens.revoke(str(old.row.id), by="ada", which=Ending.OLD)] == [old.row.id]


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
        {"name": "nightly\n"},
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


def test_of_a_token_that_ends_soon_people_hear_until_there_is_a_later_one(tokens, catalog, clock):
    make(tokens)
    seen = []
    for days in (75, 76.5, 88):
        clock.by = timedelta(days=days)
        seen.append((warn_of_ends(catalog, clock.now()), alerts(catalog)))
    assert seen == [
        ([], []),
        (["nightly"], [("token.ending.nightly", "medium")]),
        (["nightly"], [("token.ending.nightly", "high")]),
    ]
    tokens.rotate("nightly", by="ada")
    assert warn_of_ends(catalog, clock.now()) == []
    assert still_open(catalog) == []


@pytest.mark.parametrize("end", ["revoked", "over"])
def test_the_warning_ends_with_the_token(tokens, catalog, clock, end):
    make(tokens)
    clock.by = timedelta(days=80)
    warn_of_ends(catalog, clock.now())
    assert still_open(catalog) == ["token.ending.nightly"]
    if end == "revoked":
        tokens.revoke("nightly", by="ada")
    clock.by = timedelta(days=80 if end == "revoked" else 90)

    assert warn_of_ends(catalog, clock.now()) == []
    assert still_open(catalog) == []


def test_of_a_token_made_for_a_few_days_nobody_is_told(tokens, catalog, clock):
    make(tokens, days=7)
    warn_of_ends(catalog, clock.now())

    assert alerts(catalog) == [("token.ending.nightly", "low")]


def still_open(catalog) -> list[str]:
    with catalog.read() as session:
        return list(session.scalars(select(Alert.cause).where(Alert.state != AlertState.RESOLVED)))


def made(make_one: Callable[[], object]) -> bool:
    try:
        make_one()
    except TokenExistsError:
        return False
    return True


def test_of_many_rotations_at_once_one_succeeds(postgres_catalog_url, clock):
    catalog = Catalog(open_engine(postgres_catalog_url))
    tokens = ServiceTokens(catalog, clock, system_random)
    with ThreadPoolExecutor(8) as pool:
        for number in range(12):
            name = f"nightly{number}"
            tokens.create(TokenRequest(name, TokenKind.CI, ["read"], "ada"))
            told = list(pool.map(lambda _, name=name: made(lambda: tokens.rotate(name, by="ada")), range(8)))
            assert told.count(True) == 1
            assert [row.generation for row in tokens.list() if row.name == name] == [1, 2]
    catalog.close()


def test_of_many_first_tokens_of_a_name_at_once_one_is_made(postgres_catalog_url, clock):
    catalog = Catalog(open_engine(postgres_catalog_url))
    tokens = ServiceTokens(catalog, clock, system_random)
    with ThreadPoolExecutor(8) as pool:
        for number in range(12):
            wish = TokenRequest(f"nightly{number}", TokenKind.CI, ["read"], "ada")
            told = list(pool.map(lambda _, wish=wish: made(lambda: tokens.create(wish)), range(8)))
            assert told.count(True) == 1
    assert len(tokens.list()) == 12
    catalog.close()
