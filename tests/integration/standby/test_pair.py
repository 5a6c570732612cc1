"""Two real PostgreSQL servers, the second following the first, and everything that can part them."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from sqlalchemy import select

from strongroom.catalog.alerts import Alert, AlertState
from strongroom.catalog.standbys import list_standby_states
from strongroom.cli.main import main
from strongroom.clock import SystemClock
from strongroom.levels.status import status
from strongroom.standby import observing
from strongroom.standby.judging import Cause, Verdict
from strongroom.standby.views import PrimaryView
from strongroom.standby.watching import Check, check_standbys, watch_standbys
from strongroom.testing.postgres import ScratchPostgres
from tests.integration.backup.conftest import House
from tests.services.proxy import TcpProxy
from tests.services.standby import ScratchStandby

PAIR = """
[standbys.shop]
region = "us"
slot = "standby_us"
lag_seconds = {lag}
grace_seconds = 0
primary = {{ host = "127.0.0.1", port = {primary}, user = "postgres", password_env = "PAIR" }}
standby = {{ host = "127.0.0.1", port = {standby}, user = "postgres", password_env = "PAIR" }}
"""


class Pair:
    """A primary, its standby, and an installation that watches them."""

    def __init__(self, house: House, primary: ScratchPostgres, standby: ScratchStandby) -> None:
        self.house, self.primary, self.standby = house, primary, standby
        self.configure()

    def configure(self, *, lag: int = 1, more: str = "") -> None:
        text = PAIR.format(lag=lag, primary=self.primary.port, standby=self.standby.port)
        self.house.configure(text + more, PAIR=self.primary.password)

    def check(self) -> Check:
        (check,) = check_standbys(self.house.services)
        return check

    def watch(self) -> Check:
        (check,) = watch_standbys(self.house.services)
        return check

    def write(self, rows: int = 100) -> None:
        with self.primary.connect() as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS t (i int)")
            connection.execute("SET synchronous_commit = on")
            connection.execute("INSERT INTO t SELECT generate_series(1, %s)", (rows,))

    def on_standby(self, query: str) -> None:
        with self.standby.connect() as connection:
            connection.execute(query.encode())


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[ScratchPostgres, ScratchStandby]]:
    with ExitStack() as stack:
        primary = stack.enter_context(ScratchPostgres(settings=("max_wal_size=64MB", "min_wal_size=32MB")))
        yield primary, stack.enter_context(ScratchStandby(primary))


@pytest.fixture
def pair(small_house: House, servers: tuple[ScratchPostgres, ScratchStandby]) -> Pair:
    return Pair(small_house, *servers)


def settled(pair: Pair) -> Check:
    """Look until the standby follows; a server that has just started takes a moment."""
    clock = SystemClock()
    for _ in range(100):
        check = pair.check()
        if check.verdict is Verdict.FOLLOWING:
            return check
        clock.sleep(0.1)
    raise AssertionError(check.findings)


def causes(check: Check) -> set[Cause]:
    return {finding.cause for finding in check.findings}


def state(pair: Pair) -> dict[str, Any]:
    with pair.house.services.catalog.read() as session:
        (found,) = list_standby_states(session)
        return {"verdict": found.verdict, "lag": found.lag_seconds, "causes": {f["cause"] for f in found.findings}}


def alerts(pair: Pair) -> set[tuple[str, str]]:
    """Return cause and severity of the alerts that are open."""
    with pair.house.services.catalog.read() as session:
        found = session.scalars(select(Alert).where(Alert.state == AlertState.OPEN, Alert.source == "shop")).all()
        return {(alert.cause, alert.severity.value) for alert in found}


def test_a_standby_follows_its_primary(pair: Pair) -> None:
    settled(pair)
    pair.write()
    check = pair.watch()
    assert check.verdict is Verdict.FOLLOWING
    assert check.lag is not None
    assert check.lag < 2
    assert check.seen.primary is not None
    assert check.seen.primary.slot is not None
    assert check.seen.primary.slot.active
    assert check.seen.standby is not None
    assert (check.seen.standby.timeline, check.seen.primary.timeline) == (1, 1)
    assert state(pair) == {"verdict": "following", "lag": check.lag, "causes": set()}


def test_a_standby_that_falls_behind_is_told_and_comes_back(pair: Pair) -> None:
    settled(pair)
    pair.on_standby("SELECT pg_wal_replay_pause()")
    try:
        pair.write(10_000)
        pair.watch()
        behind = pair.watch()
    finally:
        pair.on_standby("SELECT pg_wal_replay_resume()")
    assert behind.verdict is Verdict.BEHIND
    assert behind.lag is not None
    assert behind.lag > 1
    assert behind.seen.lag_bytes
    assert "pg_wal_replay_resume" in behind.findings[0].next_step
    assert state(pair)["causes"] == {"standby.lag"}
    assert alerts(pair) == {("standby.lag", "high")}
    settled(pair)
    pair.watch()
    assert state(pair)["causes"] == set()
    assert alerts(pair) == set()


def test_a_standby_within_its_target_is_not_behind(pair: Pair) -> None:
    pair.configure(lag=3600)
    settled(pair)
    pair.on_standby("SELECT pg_wal_replay_pause()")
    try:
        pair.write(10_000)
        pair.watch()
        check = pair.watch()
    finally:
        pair.on_standby("SELECT pg_wal_replay_resume()")
    assert check.seen.lag_bytes
    assert check.verdict is Verdict.FOLLOWING


def test_a_standby_that_is_down_is_lost_and_its_slot_gathers(pair: Pair) -> None:
    settled(pair)
    pair.standby.stop()
    try:
        check = pair.watch()
        assert alerts(pair) == {("standby.lost", "critical"), ("standby.slot", "high")}
    finally:
        pair.standby.start()
    assert check.verdict is Verdict.LOST
    assert causes(check) == {Cause.LOST, Cause.SLOT}
    assert "does not answer" in check.findings[0].what
    settled(pair)
    pair.watch()
    assert alerts(pair) == set()


def test_a_fault_within_its_grace_opens_no_alert_yet(pair: Pair) -> None:
    pair.house.configure(
        PAIR.format(lag=60, primary=pair.primary.port, standby=1).replace("grace_seconds = 0", "grace_seconds = 3600"),
        PAIR=pair.primary.password,
    )
    assert pair.watch().verdict is Verdict.LOST
    assert state(pair)["causes"] >= {"standby.lost"}
    assert alerts(pair) == set()


def test_a_primary_that_is_down_is_blamed_and_does_not_hide_a_standby_that_receives_nothing(pair: Pair) -> None:
    settled(pair)
    pair.primary.stop()
    try:
        check = pair.watch()
    finally:
        pair.primary.start()
    assert [finding.cause for finding in check.findings] == [Cause.PRIMARY, Cause.LOST]
    assert check.verdict is Verdict.UNKNOWN
    settled(pair)
    pair.watch()
    assert alerts(pair) == set()


def test_a_primary_that_falls_silent_in_the_middle_is_not_waited_for(
    pair: Pair, tcp_proxy: Callable[[str], TcpProxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    settled(pair)
    proxy = tcp_proxy(f"postgresql://127.0.0.1:{pair.primary.port}")
    text = PAIR.format(lag=60, primary=proxy.port, standby=pair.standby.port)
    pair.house.configure(text, PAIR=pair.primary.password)
    view = observing._view_primary

    def silent(connection: observing.Connection, slot: str | None) -> PrimaryView:
        # A disk that hangs looks like this: the connection stays.
        proxy.black_hole()
        return view(connection, slot)

    monkeypatch.setattr(observing, "_view_primary", silent)
    monkeypatch.setattr(observing, "ANSWER_SECONDS", 2.0)
    check = pair.check()
    assert causes(check) == {Cause.PRIMARY}
    assert "does not answer" in check.findings[0].what


def test_a_slot_that_is_missing_or_holds_too_much_is_told(pair: Pair) -> None:
    settled(pair)
    pair.house.configure(
        PAIR.format(lag=60, primary=pair.primary.port, standby=pair.standby.port).replace("standby_us", "elsewhere"),
        PAIR=pair.primary.password,
    )
    check = pair.check()
    assert check.verdict is Verdict.AT_RISK
    assert causes(check) == {Cause.SLOT}
    assert "'elsewhere'" in check.findings[0].what


def test_a_role_without_rights_is_told_which_to_grant(pair: Pair) -> None:
    settled(pair)
    with pair.primary.connect() as connection:
        connection.execute("CREATE ROLE watcher LOGIN PASSWORD 'watcher'")
    text = PAIR.format(lag=60, primary=pair.primary.port, standby=pair.standby.port)
    pair.house.configure(text.replace('user = "postgres"', 'user = "watcher"'), PAIR="watcher")
    clock = SystemClock()
    while (check := pair.check()).verdict is Verdict.LOST:
        clock.sleep(0.1)
    try:
        assert causes(check) == {Cause.DENIED}
        assert "GRANT pg_monitor TO watcher" in check.findings[0].next_step
        with pair.primary.connect() as connection:
            connection.execute("GRANT pg_monitor TO watcher")
        settled(pair)
    finally:
        with pair.primary.connect() as connection:
            connection.execute("DROP ROLE watcher")


def test_a_wrong_password_is_a_server_that_does_not_answer_and_is_not_repeated(pair: Pair) -> None:
    text = PAIR.format(lag=60, primary=pair.primary.port, standby=pair.standby.port)
    pair.house.configure(text, PAIR="wrong-password")
    check = pair.check()
    assert causes(check) == {Cause.LOST, Cause.PRIMARY}
    assert "authentication failed" in check.findings[0].what
    assert "wrong-password" not in str(check.findings)


def test_the_one_screen_answer_has_every_pair(pair: Pair) -> None:
    services = pair.house.services
    assert [(one.verdict, one.healthy) for one in status(services).standbys] == [("unwatched", False)]
    settled(pair)
    pair.watch()
    assert [(one.verdict, one.healthy) for one in status(services).standbys] == [("following", True)]
    pair.house.configure(PAIR.format(lag=60, primary=pair.primary.port, standby=1), PAIR=pair.primary.password)
    pair.watch()
    (lost,) = status(pair.house.services).standbys
    assert (lost.verdict, lost.healthy) == ("lost", False)
    assert "does not answer" in lost.findings[0]


def test_the_command_says_how_every_pair_is(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    settled(pair)
    pair.watch()
    monkeypatch.setenv("PAIR", pair.primary.password)
    monkeypatch.setenv("STRONGROOM_CATALOG_URL", pair.house.services.settings.catalog_url.get_secret_value())
    monkeypatch.setenv("STRONGROOM_CONFIG", str(pair.house.directory / "strongroom.toml"))
    assert main(["standby", "check", "--json"]) == 0
    (item,) = json.loads(capfd.readouterr().out)["items"]
    assert (item["name"], item["verdict"], item["findings"]) == ("shop", "following", [])
    assert main(["standby", "list"]) == 0
    assert "following" in capfd.readouterr().out
    assert main(["standby", "check", "shops"]) == 10
    assert "Did you mean 'shop'?" in capfd.readouterr().err
    monkeypatch.setenv("PAIR", "wrong")
    assert main(["standby", "check"]) == 4
    assert "does not answer" in capfd.readouterr().err


def test_a_pair_that_is_no_longer_configured_is_forgotten(pair: Pair) -> None:
    pair.house.configure(PAIR.format(lag=60, primary=pair.primary.port, standby=1), PAIR=pair.primary.password)
    pair.watch()
    assert ("standby.lost", "critical") in alerts(pair)
    pair.house.configure("")
    assert watch_standbys(pair.house.services) == []
    with pair.house.services.catalog.read() as session:
        assert list_standby_states(session) == []
    assert alerts(pair) == set()


def test_a_standby_that_was_promoted_is_lost(
    small_house: House, servers: tuple[ScratchPostgres, ScratchStandby]
) -> None:
    with ScratchStandby(servers[0], slot="standby_two") as standby:
        pair = Pair(small_house, servers[0], standby)
        pair.house.configure(
            PAIR.format(lag=60, primary=pair.primary.port, standby=standby.port).replace("standby_us", "standby_two"),
            PAIR=pair.primary.password,
        )
        settled(pair)
        standby.promote()
        promoted = pair.check()
        assert promoted.verdict is Verdict.LOST
        assert "promoted" in promoted.findings[0].what
        # The settings the wrong way round: the old standby as primary, the old primary as standby.
        text = PAIR.format(lag=60, primary=standby.port, standby=pair.primary.port)
        pair.house.configure(text, PAIR=pair.primary.password)
        assert Cause.LOST in causes(pair.check())
    with servers[0].connect() as connection:
        connection.execute("SELECT pg_drop_replication_slot('standby_two')")


def test_a_standby_of_another_system_is_lost(pair: Pair) -> None:
    with ScratchPostgres() as other, ScratchStandby(other, slot="standby_us") as stranger:
        primary, standby = PAIR.format(lag=60, primary=pair.primary.port, standby=stranger.port).split("standby = ")
        text = f"{primary}standby = {standby.replace('PAIR', 'OTHER')}"
        pair.house.configure(text, PAIR=pair.primary.password, OTHER=stranger.password)
        check = pair.watch()
        # While the primary cannot be asked, nobody knows that the standby is one of its own again.
        pair.primary.stop()
        try:
            unknown = pair.watch()
        finally:
            pair.primary.start()
        assert ("standby.lost", "critical") in alerts(pair)
    assert check.verdict is Verdict.LOST
    assert "another database system" in check.findings[0].what
    assert unknown.verdict is Verdict.UNKNOWN
