"""Requests made from the OpenAPI document: whatever is sent, no failure of the server, and answers as described.

The seed is fixed, so that a run can be repeated; `make fuzz-api` sends many more. Each request is sent twice: by an
administrator, and by nobody, who gets no further than the gate.
"""

import os
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from strongroom.access.operations import OPERATIONS
from tests.integration.api.conftest import LOGIN

EXAMPLES = int(os.environ.get("STRONGROOM_FUZZ_EXAMPLES", "4"))
SEED = int(os.environ.get("STRONGROOM_FUZZ_SEED", "1"))
CHECKS: list[Callable[..., Any]] = [response_schema_conformance, content_type_conformance]
ENDLESS = {"GET /v1/events", "GET /v1/jobs/{job_id}/events"}
"""Streams: they have tests of their own."""


@pytest.fixture
def catalog_url(sqlite_catalog_url: str) -> str:
    """One kind of catalog: this is about requests."""
    return sqlite_catalog_url


def probe(operation: Any, base_url: str, wrong: list[str]) -> None:
    """Send requests of one operation and note what is wrong with the answers."""
    name = f"{operation.method.upper()} {operation.path}"
    guarded = OPERATIONS[name].public is None

    @seed(SEED)
    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def send(case: Any) -> None:
        answer = case.call(base_url=base_url, headers={"Authorization": f"Bearer {LOGIN}"}, timeout=20)
        # 503 is what one-time sessions say here, where there is no Redis.
        if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            case.validate_response(answer, checks=[not_a_server_error, *CHECKS])
        if guarded:
            stranger = case.call(base_url=base_url, timeout=20)
            assert stranger.status_code in (401, 405, 413, 422), f"nobody was answered {stranger.status_code}"

    try:
        send()
    except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - every operation is looked at
        wrong.append(f"{name}: {_words(error)}"[:2000])


@pytest.mark.timeout(0 if EXAMPLES > 4 else 300)
def test_no_request_that_the_document_allows_makes_the_server_fail(
    app: FastAPI, client: httpx.Client, base_url: str
) -> None:
    document = client.get("/openapi.json").json()
    schema = schemathesis.openapi.from_dict(document)
    wrong: list[str] = []
    seen = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if f"{operation.method.upper()} {operation.path}" in ENDLESS:
            continue
        seen += 1
        probe(operation, base_url, wrong)

    assert seen > 70
    assert wrong == [], "\n\n".join(wrong)


def _words(error: BaseException) -> str:
    inner = error.exceptions if isinstance(error, BaseExceptionGroup) else [error]
    return "; ".join(f"{type(one).__name__}: {one}" for one in inner)
