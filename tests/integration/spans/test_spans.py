"""Spans as a collector gets them: one trace, no contents, and no say of callers in what is exported."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from api.tracing import TraceHeaders
from strongroom.catalog.engine import open_engine
from strongroom.clock import system_random
from strongroom.spans.recording import Caller, Kind, begin_inside, is_recording, span
from strongroom.spans.starting import start_spans, stop_spans
from strongroom.tracing import bind, carried, same_ids
from tests.services.collector import Collector, ReceivedSpan, collecting

PROJECT = Path(__file__).resolve().parents[3]
TRACE, OTHER = "4bf92f3577b34da6a3ce929d0e0e4736", "0af7651916cd43dd8448eb211c80319c"
PARENT = "00f067aa0ba902b7"
CANARY = "canary-in-a-parameter"
Exported = Callable[[], list[ReceivedSpan]]


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


@pytest.fixture
def exported(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> Iterator[Exported]:
    """Record spans in this process; the function ends that and returns what has arrived."""
    collector.spans.clear()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)

    def stop() -> list[ReceivedSpan]:
        stop_spans()
        return collector.spans

    start_spans("tests")
    yield stop
    stop_spans()


def ask(**headers: str) -> None:
    """Send one request, which runs a statement."""

    async def answer(request: Request) -> Response:
        with span("inside"):
            return Response()

    app = Starlette(routes=[Route("/v1/{name}", answer)], middleware=[Middleware(TraceHeaders, random=system_random)])
    with TestClient(app) as client:
        client.get("/v1/secret-name?token=abc", headers=headers)


def test_a_request_is_a_span_below_the_callers_with_its_route_and_not_its_path(exported: Exported):
    ask(traceparent=f"00-{TRACE}-{PARENT}-01")

    inside, request = exported()
    assert (request.name, request.trace_id, request.parent_id) == ("GET /v1/{name}", TRACE, PARENT)
    assert request.attributes["http.response.status_code"] == 200
    assert (inside.trace_id, inside.parent_id) == (TRACE, request.span_id)
    assert "secret-name" not in str(request)
    assert request.service == "tests"


def test_a_trace_has_the_id_that_it_has_everywhere_else(exported: Exported):
    ask(**{"X-Trace-Id": TRACE})

    assert {(one.trace_id, bool(one.parent_id)) for one in exported()} == {(TRACE, True), (TRACE, False)}


@pytest.mark.parametrize("flags", ["00", "01"])
def test_callers_have_no_say_in_what_is_exported(
    flags: str, collector: Collector, exported: Exported, monkeypatch: pytest.MonkeyPatch
):
    ask(traceparent=f"00-{TRACE}-{PARENT}-{flags}")
    assert len(exported()) == 2
    collector.spans.clear()
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0")
    start_spans("tests")

    # The smallest trace id of all is within every share that goes by the trace id.
    for trace_id in (TRACE, "0" * 31 + "1"):
        ask(traceparent=f"00-{trace_id}-{PARENT}-{flags}")
        ask(**{"X-Trace-Id": trace_id})

    assert exported() == []


def test_a_share_of_traces_is_drawn_and_not_read_from_the_trace_id(
    exported: Exported, collector: Collector, monkeypatch: pytest.MonkeyPatch
):
    exported()
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
    start_spans("tests")

    for _ in range(64):
        ask(traceparent=f"00-{TRACE}-{PARENT}-01")

    count = len(exported())
    assert 0 < count < 128
    # A trace is exported whole or not at all.
    assert count % 2 == 0


def test_a_process_of_our_own_decides_for_those_after_it(exported: Exported):
    with bind(trace_id=TRACE):
        with span("left out", Kind.CONSUMER, caller=Caller(TRACE, PARENT, sampled=False)):
            pass
        with span("kept", Kind.CONSUMER, caller=Caller(TRACE, PARENT, sampled=True)):
            pass

    assert [one.name for one in exported()] == ["kept"]


def test_what_led_here_from_another_trace_is_linked_and_no_parent(exported: Exported):
    with bind(trace_id=OTHER), span("request"), bind(trace_id=TRACE), span("job"):
        pass

    job, request = exported()
    assert (job.trace_id, job.parent_id, job.links) == (TRACE, "", (OTHER,))
    assert request.trace_id == OTHER


def test_threads_go_on_below_the_span_that_started_them(exported: Exported):
    from concurrent.futures import ThreadPoolExecutor

    def work() -> None:
        with span("in a thread"):
            pass

    with bind(trace_id=TRACE), span("outside"):
        with ThreadPoolExecutor(1, initializer=same_ids()) as pool:
            pool.submit(work).result()
        with ThreadPoolExecutor(1) as pool:
            pool.submit(carried(work)).result()

    *inside, outside = exported()
    assert {(one.trace_id, one.parent_id) for one in inside} == {(TRACE, outside.span_id)}


def test_a_statement_is_a_span_without_its_parameters(exported: Exported, catalog_url: str, collector: Collector):
    engine = open_engine(catalog_url)
    with bind(trace_id=TRACE), span("job"), engine.connect() as connection:
        connection.execute(text("SELECT :secret AS told"), {"secret": CANARY})
        with pytest.raises(Exception, match="nowhere"):
            connection.execute(text("SELECT * FROM nowhere WHERE name = :secret"), {"secret": CANARY})
    engine.dispose()

    statements = [one for one in exported() if "db.query.text" in one.attributes]
    assert {"SELECT catalog"} <= {one.name for one in statements}
    assert [one.failed for one in statements if "nowhere" in one.attributes["db.query.text"]] == [True]
    assert CANARY.encode() not in bytes(collector.raw)
    assert {one.attributes["db.system.name"] for one in statements} <= {"sqlite", "postgresql"}


def test_what_belongs_to_nothing_is_not_recorded(exported: Exported):
    begin_inside("SELECT catalog", Kind.CLIENT, {}).end()

    assert exported() == []


@pytest.mark.parametrize(
    ("modules", "unwanted"),
    [
        (
            "worker.app, worker.__main__, strongroom.runtime, strongroom.backup.run, strongroom.cli.watch",
            "opentelemetry",
        ),
        # FastAPI imports the interfaces of OpenTelemetry, whatever it is told; nothing behind them.
        ("api.app, api.__main__", "opentelemetry.sdk"),
        ("api.app, api.__main__", "opentelemetry.exporter"),
    ],
)
def test_without_an_endpoint_nothing_of_opentelemetry_is_imported(modules: str, unwanted: str):
    program = f"import sys, {modules}\nassert not [name for name in sys.modules if name.startswith('{unwanted}')]\n"

    subprocess.run([sys.executable, "-c", program], cwd=PROJECT, check=True)

    assert not is_recording()
