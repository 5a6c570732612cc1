"""A cursor survives the way to the client and back, and nothing else passes for one."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.catalog.errors import BadCursorError
from strongroom.catalog.paging import decode_cursor, encode_cursor


@given(st.uuids())
def test_a_cursor_leads_back_to_its_row(row_id: uuid.UUID):
    cursor = encode_cursor(row_id)

    assert decode_cursor(cursor) == row_id
    assert cursor.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize("cursor", ["", "x", "ä" * 22, "A" * 21, "A" * 23, "A" * 10_000, "' OR 1=1 --", "A" * 21 + "="])
def test_what_is_not_a_cursor_is_refused(cursor: str):
    with pytest.raises(BadCursorError):
        decode_cursor(cursor)
