"""The logs of a deployment: every line is JSON, belongs to something, and holds no secret."""

import json
from typing import Any

from strongroom.logs.json_lines import FIELDS
from tests.e2e.deployment import Deployment
from tests.services.canaries import find_secrets

INSIDE = (
    "api.tracing",
    "celery.app.trace",
    "celery.worker.strategy",
    "strongroom.jobs.runner",
    "strongroom.jobs.lease",
)
"""Loggers whose lines are all made inside of a request or a task."""
ABOUT_ITSELF = ("api", "celery", "kombu", "uvicorn", "worker", "py.warnings", "strongroom.spans", "strongroom.logs")
"""Loggers by which processes speak of themselves, outside of every request and task."""


def read_lines(deployment: Deployment) -> list[dict[str, Any]]:
    """Return the lines of every process; fails for one that is none, or that belongs to nothing and should."""
    lines = [json.loads(line) for line in deployment.logs().splitlines() if line]
    assert lines
    for line in lines:
        assert set(line) <= set(FIELDS), line
        assert tuple(line)[:9] == FIELDS[:9], line
    assert [line for line in lines if line["logger"] in INSIDE and "trace_id" not in line] == []
    inside = [line for line in lines if line.keys() & {"task_id", "request_id", "job_id", "user_id"}]
    assert [line for line in inside if "trace_id" not in line] == []
    # Whatever else there is without a trace is said by a process about itself: that it starts, ends, or waits.
    outside = {line["logger"] for line in lines if "trace_id" not in line}
    assert {name for name in outside if not name.startswith(ABOUT_ITSELF)} == set()
    return lines


def verify_silent(deployment: Deployment, *secrets: str) -> None:
    """Fail where a log has one of these, or anything in the shape of a secret."""
    printed = deployment.logs()
    assert [secret for secret in secrets if secret in printed] == []
    assert find_secrets(printed) == []
