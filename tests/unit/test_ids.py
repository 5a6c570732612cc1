"""How identifiers are read."""

import pytest

from strongroom.ids import InvalidIdError, parse_id


@pytest.mark.parametrize(("what", "said"), [("alert", "an alert"), ("job", "a job")])
def test_what_is_no_id_is_said_in_words(what: str, said: str) -> None:
    with pytest.raises(InvalidIdError, match=f"is not the id of {said}"):
        parse_id("foo", what)
