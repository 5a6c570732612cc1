"""Which trace id a request gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from api.tracing import read_story

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def counting(length: int) -> bytes:
    return bytes(range(1, length + 1))


def story(**headers: str):
    return read_story(Headers({name.replace("_", "-"): value for name, value in headers.items()}), counting)


def test_traceparent_wins():
    assert story(traceparent=f"00-{TRACE}-00f067aa0ba902b7-01", x_trace_id="f" * 32).trace_id == TRACE


def test_a_later_version_of_traceparent_is_read_by_its_beginning():
    assert story(traceparent=f"01-{TRACE}-00f067aa0ba902b7-01-more").trace_id == TRACE


@pytest.mark.parametrize(
    "parent",
    [
        "",
        TRACE,
        f"ff-{TRACE}-00f067aa0ba902b7-01",
        f"00-{TRACE.upper()}-00f067aa0ba902b7-01",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-00f067aa0ba902b7-01x",
        f"00-{TRACE[:-1]}-00f067aa0ba902b7-01",
    ],
)
def test_a_traceparent_that_is_none_is_passed_over(parent: str):
    assert story(traceparent=parent, x_trace_id="f" * 32).trace_id == "f" * 32


def test_the_callers_spelling_is_answered():
    spelled = "4BF92F35-77B3-4DA6-A3CE-929D0E0E4736"

    found = story(x_trace_id=spelled)

    assert (found.trace_id, found.shown) == (TRACE, spelled)


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126)))
def test_whatever_is_sent_the_trace_id_is_32_hex_digits_and_no_header_breaks(text: str):
    found = story(x_trace_id=text, traceparent=text)

    assert len(found.trace_id) == 32
    assert int(found.trace_id, 16) >= 0
    assert found.trace_id == found.trace_id.lower()
    assert found.shown in (text, str(found.shown))
    assert set(found.shown) <= set("0123456789abcdefABCDEF-")


def test_the_request_id_is_new_whatever_was_sent():
    assert story(x_request_id="mine").request_id == counting(16).hex()
