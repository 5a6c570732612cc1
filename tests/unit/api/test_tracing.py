"""Which trace id a request gets."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from api.tracing import TraceHeaders, read_story
from strongroom.tracing import get_request_id, get_trace_id

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
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-00f067aa0ba902b7-01-more",
        f"00-{TRACE}-00f067aa0ba902b7",
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


def test_two_traceparents_are_none():
    headers = Headers(raw=[(b"traceparent", f"00-{TRACE}-00f067aa0ba902b7-01".encode())] * 2)

    assert read_story(headers, counting).trace_id != TRACE


@pytest.mark.parametrize(
    "given", ["0" * 32, "4bf92f35-77b34da6-a3ce929d-0e0e4736", f"{TRACE}0", "nonsense", f"{TRACE}\n"]
)
def test_what_is_no_trace_id_gets_one_in_the_shape_of_a_uuid(given: str):
    found = story(x_trace_id=given)

    assert found.trace_id == counting(16).hex()
    assert found.shown == str(uuid.UUID(found.trace_id))


def test_the_request_id_is_new_and_what_the_caller_calls_the_request_is_kept_where_it_is_well_formed():
    assert story(x_request_id="mine").request_id == counting(16).hex()
    assert story(x_request_id="mine", x_trace_id="order-7").called == ("mine", "order-7")
    assert story(x_request_id="a b", x_trace_id="x" * 65).called == ()
    assert story(x_request_id="line\x1b[31m").called == ()


@pytest.mark.parametrize("fails", [False, True])
def test_the_ids_are_in_the_state_of_the_request_and_bound_while_it_is_handled(
    fails: bool, caplog: pytest.LogCaptureFixture
):
    seen: dict[str, object] = {}

    async def answer(request: Request) -> Response:
        state = request.state
        seen.update(state=(state.trace_id, state.request_id), bound=(get_trace_id(), get_request_id()))
        if fails:
            raise RuntimeError("unforeseen")
        return Response()

    app = Starlette(routes=[Route("/x", answer)], middleware=[Middleware(TraceHeaders, random=counting)])
    with caplog.at_level("INFO"):
        answered = TestClient(app, raise_server_exceptions=False).get(
            "/x?session_id=secret", headers={"X-Trace-Id": TRACE}
        )

    assert seen["state"] == seen["bound"] == (TRACE, counting(16).hex())
    assert (get_trace_id(), get_request_id()) == (None, None)
    (line,) = [record for record in caplog.records if getattr(record, "event", None) == "http.request"]
    assert line.getMessage() == f"GET /x {answered.status_code}"
    assert line.duration_s >= 0
