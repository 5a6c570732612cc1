"""What is stored as JSON can be read back, and encoded in UTF-8, whatever a file name held."""

import json
import os
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from strongroom.catalog.json_text import write_json

TEXTS = st.text() | st.binary().map(os.fsdecode)
VALUES = st.recursive(TEXTS | st.integers() | st.none() | st.booleans(), lambda inner: st.dictionaries(TEXTS, inner))


def test_a_byte_that_is_not_utf8_is_written_as_it_is_shown():
    assert json.loads(write_json({"path": os.fsdecode(b"caf\xe9")})) == {"path": r"caf\xe9"}


@given(VALUES)
def test_any_value_can_be_encoded_and_read_back(value: Any):
    json.loads(write_json(value).encode("utf-8"))


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8"))))
def test_well_formed_text_comes_back_unchanged(value: dict[str, str]):
    assert json.loads(write_json(value)) == value
