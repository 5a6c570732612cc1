"""Times are stored as aware UTC or not at all."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy.dialects import sqlite

from strongroom.catalog.base import UtcDateTime

DIALECT = sqlite.dialect()


def test_a_naive_time_is_refused():
    with pytest.raises(ValueError, match="naive"):
        UtcDateTime().process_bind_param(datetime(2026, 1, 1), DIALECT)  # noqa: DTZ001 - the refused case itself


def test_a_time_with_an_offset_is_stored_in_utc():
    noon_in_tokyo = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=9)))

    stored = UtcDateTime().process_bind_param(noon_in_tokyo, DIALECT)

    assert stored == noon_in_tokyo
    assert stored is not None
    assert (stored.hour, stored.tzinfo) == (3, UTC)


def test_a_time_without_an_offset_is_read_as_utc():
    read = UtcDateTime().process_result_value(datetime(2026, 1, 1, 12), DIALECT)  # noqa: DTZ001 - as SQLite returns it

    assert read == datetime(2026, 1, 1, 12, tzinfo=UTC)
