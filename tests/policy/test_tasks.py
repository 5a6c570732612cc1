"""Every task can be queued: it has a name, a route, a queue that a worker serves, and arguments that are ids."""

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from beat_schedule import BEAT_SCHEDULE
from strongroom.jobs.kinds import JobKind
from tests.policy.project import ROOT, python_files, relative, syntax

NAME = re.compile(r"^[a-z]+\.[a-z]+$")
LONGEST_TASK = 12

# In a process of its own: the application reads the settings of its process, once.
DESCRIBE = """
import inspect, json
from worker.__main__ import PROFILES, arguments, read_order
from worker.app import app
app.loader.import_default_modules()
tasks = {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}
options = [option for name in PROFILES for option in arguments(read_order([name])) if option.startswith("--queues=")]
print(json.dumps({
    "arguments": {name: list(inspect.signature(task.run).parameters) for name, task in tasks.items()},
    "queues": {name: app.amqp.router.route({}, name)["queue"].name for name in tasks},
    "routed": sorted(app.conf.task_routes),
    "declared": sorted(queue.name for queue in app.conf.task_queues),
    "served": sorted({queue for option in options for queue in option.removeprefix("--queues=").split(",")}),
    "formats": [app.conf.accept_content, app.conf.task_serializer, app.conf.result_serializer],
    "keeps_results": bool(app.conf.result_backend) or not app.conf.task_ignore_result,
}))
"""


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the Celery application says about itself."""
    file = tmp_path_factory.mktemp("installation") / "strongroom.toml"
    file.write_text('[regions.home]\npath = "region"\n', encoding="utf-8")
    environment = {**os.environ, "STRONGROOM_CONFIG": str(file)}
    command = [sys.executable, "-c", DESCRIBE]
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    answer: dict[str, Any] = json.loads(run.stdout)
    return answer


def task_functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    """Yield every decorated task in the folder, with its file."""
    for path in python_files("tasks"):
        for node in ast.walk(syntax(path)):
            if isinstance(node, ast.FunctionDef) and "shared_task" in map(ast.unparse, decorators(node)):
                yield relative(path), node


def decorators(function: ast.FunctionDef) -> list[ast.expr]:
    return [item.func if isinstance(item, ast.Call) else item for item in function.decorator_list]


def test_the_folder_and_the_application_hold_the_same_tasks(application):
    assert len(application["queues"]) >= len(JobKind) + 3
    assert len(list(task_functions())) == len(application["queues"])


def test_every_kind_of_job_has_its_task_and_goes_to_its_own_queue(application):
    assert {kind.value: kind.route.queue for kind in JobKind}.items() <= application["queues"].items()


def test_every_task_is_named_after_its_capability(application):
    assert [name for name in application["queues"] if not NAME.match(name)] == []


def test_every_task_has_a_route_of_its_own(application):
    assert application["queues"].keys() <= set(application["routed"])


def test_every_queue_is_declared_and_served_by_the_workers_we_start(application):
    assert set(application["queues"].values()) <= set(application["declared"])
    assert application["declared"] == application["served"]


def test_a_task_takes_a_job_id_or_nothing(application):
    assert {name: names for name, names in application["arguments"].items() if names not in ([], ["job_id"])} == {}


def test_a_task_is_glue():
    long = [
        f"{path} {function.name}"
        for path, function in task_functions()
        if (function.end_lineno or 0) - function.lineno + 1 > LONGEST_TASK
    ]

    assert long == []


def test_every_tick_names_a_real_task_that_takes_nothing(application):
    assert BEAT_SCHEDULE
    for name, entry in BEAT_SCHEDULE.items():
        assert application["arguments"].get(entry["task"]) == [], name


def test_every_tick_expires_before_it_is_old_and_goes_where_its_task_goes(application):
    for name, entry in BEAT_SCHEDULE.items():
        assert 0 < entry["options"]["expires"] <= 2 * entry["schedule"].total_seconds(), name
        assert entry["options"]["queue"] == application["queues"][entry["task"]], name


def test_nothing_but_json_travels_and_the_broker_keeps_no_results(application):
    assert application["formats"] == [["json"], "json", "json"]
    assert not application["keeps_results"]
