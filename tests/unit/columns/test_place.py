"""Row ids tell any two primary keys apart."""

import uuid

import pytest

from strongroom.columns.errors import RowIdError
from strongroom.columns.place import ColumnPlace, row_id


def test_row_ids_are_as_documented():
    number = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")

    assert row_id((5,)) == "1:5"
    assert row_id((-12,)) == "3:-12"
    assert row_id((5, "ab")) == "1:52:ab"
    assert row_id((number,)) == "32:00112233445566778899aabbccddeeff"
    assert row_id(("",)) == "0:"


def test_keys_that_read_alike_have_row_ids_of_their_own():
    keys = [("a", "b"), ("ab", ""), ("", "ab"), ("ab",), ("1:a", "b"), ("a1", "b"), (1, 23), (12, 3), (123,)]

    assert len({row_id(key) for key in keys}) == len(keys)


@pytest.mark.parametrize("key", [(), (None,), (1.5,), (True,), (b"ab",), (1, None)])
def test_a_key_without_a_text_of_its_own_is_refused(key: tuple[object, ...]):
    with pytest.raises(RowIdError):
        row_id(key)


def test_places_that_read_alike_are_encoded_apart():
    places = [
        ColumnPlace("a", "b", "c"),
        ColumnPlace("ab", "", "c"),
        ColumnPlace("", "ab", "c"),
        ColumnPlace("a", "bc", ""),
    ]

    assert len({place.encoded() for place in places}) == len(places)
