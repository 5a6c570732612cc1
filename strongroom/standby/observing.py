"""Asking a primary and its standby where they are."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from strongroom.clock import Clock
from strongroom.settings import ServerSettings, StandbySettings
from strongroom.sources.postgres.connection import cause_of
from strongroom.standby.views import Observation, Position, PrimaryView, SlotView, StandbyView

PATIENCE_SECONDS = 2.0
"""How long a standby that is behind is given to replay what the primary had when it was asked."""

ANSWER_SECONDS = 10.0
"""How long an answer may take. A server whose disk hangs keeps its connections, and no limit of its own ends that."""

_LOOK_EVERY_SECONDS = 0.1
# An answer that takes longer is none: whoever reads from this server waits as well.
_LIMITS: dict[str, Any] = {
    "connect_timeout": 5,
    "options": "-c statement_timeout=5000",
    "tcp_user_timeout": 10_000,
    "application_name": "strongroom",
}

_ABOUT = """
    SELECT pg_is_in_recovery(), (SELECT system_identifier FROM pg_control_system()), clock_timestamp(),
           pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')
"""
_WRITING = """
    SELECT (pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint, substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)
"""
_SLOT = """
    SELECT slot_name, active, coalesce(wal_status, 'lost'), (pg_current_wal_lsn() - restart_lsn)::bigint
    FROM pg_replication_slots WHERE slot_name = %s
"""
_RECEIVER = """
    SELECT status, received_tli, slot_name FROM pg_stat_wal_receiver
"""
_FOLLOWING = """
    SELECT (pg_last_wal_receive_lsn() - '0/0'::pg_lsn)::bigint, (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint,
           pg_last_xact_replay_timestamp(), pg_is_wal_replay_paused()
"""
_REPLAYED = "SELECT (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint"

Connection = psycopg.Connection[tuple[Any, ...]]


class _NoAnswerError(Exception):
    """A server did not say how it is."""


def observe(pair: StandbySettings, clock: Clock) -> Observation:
    """Ask both servers; one that does not answer is part of what is observed.

    Takes up to PATIENCE_SECONDS where the standby is behind, and a few seconds more where a server does not answer.
    """
    seen = Observation(clock.now())
    try:
        with _connected(pair.standby) as connection:
            seen = replace(seen, standby=_view_standby(connection))
            seen = _with_primary(seen, pair)
            return _waited(seen, connection, clock)
    except _NoAnswerError as fault:
        # What the standby said before it went away would pass for an answer.
        return _with_primary(replace(seen, standby=None, standby_fault=str(fault)), pair)


def _with_primary(seen: Observation, pair: StandbySettings) -> Observation:
    slot = pair.slot or (seen.standby.slot_name if seen.standby else None)
    try:
        with _connected(pair.primary) as connection:
            return replace(seen, primary=_view_primary(connection, slot))
    except _NoAnswerError as fault:
        return replace(seen, primary_fault=str(fault))


def _waited(seen: Observation, connection: Connection, clock: Clock) -> Observation:
    """Watch the standby until it has replayed what the primary had, or the patience is over."""
    if seen.lag_bytes is None or seen.primary is None or (wanted := seen.primary.position) is None:
        return seen
    begun = clock.monotonic()
    while (replayed := _replayed(connection)) is not None and seen.standby is not None:
        elapsed = clock.monotonic() - begun
        seen = replace(seen, standby=replace(seen.standby, replayed=replayed))
        if replayed >= wanted:
            return replace(seen, caught_up_seconds=elapsed)
        if elapsed >= PATIENCE_SECONDS:
            break
        clock.sleep(_LOOK_EVERY_SECONDS)
    return seen


@contextmanager
def _connected(server: ServerSettings) -> Iterator[Connection]:
    address = make_conninfo(
        host=server.host, port=server.port, user=server.user, dbname=server.dbname, sslmode=server.sslmode, **_LIMITS
    )
    password = server.password.get_secret_value() if server.password else None
    try:
        with psycopg.connect(address, password=password, autocommit=True) as connection:
            yield connection
    except psycopg.Error as error:
        words = cause_of(str(error))
        raise _NoAnswerError(words.replace(password, "********") if password else words) from None


def _view_primary(connection: Connection, slot: str | None) -> PrimaryView:
    in_recovery, system, at, sees_all = _row(connection, _ABOUT)
    if in_recovery:
        return PrimaryView(system, at, sees_all, position=None, timeline=None, slot=None)
    position, timeline = _row(connection, _WRITING)
    found = _ask(connection, _SLOT, slot) if slot else None
    view = None if found is None else SlotView(*found)
    return PrimaryView(system, at, sees_all, position=position, timeline=int(timeline, 16), slot=view)


def _view_standby(connection: Connection) -> StandbyView:
    in_recovery, system, _, sees_all = _row(connection, _ABOUT)
    (timeline,) = _row(connection, "SELECT timeline_id FROM pg_control_checkpoint()")
    status, receiving, slot = _ask(connection, _RECEIVER) or (None, None, None)
    received: Position | None = None
    replayed, replayed_at, paused = None, None, False
    if in_recovery:
        received, replayed, replayed_at, paused = _row(connection, _FOLLOWING)
    return StandbyView(
        system=system,
        in_recovery=in_recovery,
        sees_all=sees_all,
        streaming=status == "streaming",
        timeline=receiving or timeline,
        slot_name=slot or None,
        received=received,
        replayed=replayed,
        replayed_at=replayed_at,
        paused=paused,
    )


def _replayed(connection: Connection) -> Position | None:
    """Return how far the standby has replayed; None once it was promoted, while it keeps the last position at most."""
    (replayed,) = _row(connection, _REPLAYED)
    return None if replayed is None else int(replayed)


def _row(connection: Connection, query: str) -> tuple[Any, ...]:
    found = _ask(connection, query)
    if found is None:
        raise _NoAnswerError("it gave an empty answer")
    return found


def _ask(connection: Connection, query: str, *parameters: str) -> tuple[Any, ...] | None:
    """Return the first row of an answer; whoever does not answer in time is hung up on, and psycopg raises."""
    with socket.socket(fileno=os.dup(connection.fileno())) as line:
        hang_up = threading.Timer(ANSWER_SECONDS, _hang_up, (line,))
        hang_up.daemon = True
        hang_up.start()
        try:
            return connection.execute(query.encode(), parameters or None).fetchone()
        finally:
            hang_up.cancel()


def _hang_up(line: socket.socket) -> None:
    # The answer may come at this very moment, and the line be closed.
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
