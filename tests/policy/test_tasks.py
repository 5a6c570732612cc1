"""Every task can be queued: it has a name, a route, a queue that a worker serves, and arguments that are ids."""

import ast
import inspect
import re
from collections.abc import Iterator

import pytest
from celery import Task

from beat_schedule import BEAT_SCHEDULE
from strongroom.jobs.kinds import JobKind
from tests.policy.project import python_files, relative, syntax
from worker.__main__ import PROFILES, arguments
from worker.app import app

NAME = re.compile(r"^[a-z]+\.[a-z]+$")
LONGEST_TASK = 12


@pytest.fixture(scope="module")
def tasks() -> dict[str, Task]:
    app.loader.import_default_modules()
    return {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}


def task_functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    """Yield every decorated task in the folder, with its file."""
    for path in python_files("tasks"):
        for node in ast.walk(syntax(path)):
            if isinstance(node, ast.FunctionDef) and any(
                "shared_task" in ast.dump(item) for item in node.decorator_list
            ):
                yield relative(path), node


def queue_of(name: str) -> str:
    """Return the queue Celery itself would send a task to."""
    return app.amqp.router.route({}, name)["queue"].name


def served_queues() -> set[str]:
    """Return the queues that the workers this project starts listen to."""
    options = [option for name in PROFILES for option in arguments(name) if option.startswith("--queues=")]
    return {queue for option in options for queue in option.removeprefix("--queues=").split(",")}


def test_the_folder_and_the_application_hold_the_same_tasks(tasks):
    assert len(tasks) >= len(JobKind) + 3
    assert len(list(task_functions())) == len(tasks)


def test_every_kind_of_job_has_its_task(tasks):
    assert {kind.value for kind in JobKind} <= tasks.keys()


def test_every_task_is_named_after_its_capability(tasks):
    assert [name for name in tasks if not NAME.match(name)] == []


def test_every_task_has_a_route_of_its_own(tasks):
    assert [name for name in tasks if name not in app.conf.task_routes] == []


def test_every_queue_is_declared_and_served_by_exactly_the_workers_we_start(tasks):
    declared = {queue.name for queue in app.conf.task_queues}

    assert {queue_of(name) for name in tasks} <= declared
    assert declared == served_queues()


def test_a_task_takes_a_job_id_or_nothing(tasks):
    odd = {name: list(inspect.signature(task.run).parameters) for name, task in tasks.items()}

    assert {name: names for name, names in odd.items() if names not in ([], ["job_id"])} == {}


def test_a_task_is_glue():
    long = [
        f"{path} {function.name}"
        for path, function in task_functions()
        if (function.end_lineno or 0) - function.lineno + 1 > LONGEST_TASK
    ]

    assert long == []


def test_every_tick_names_a_real_task_that_takes_nothing(tasks):
    assert BEAT_SCHEDULE
    for entry in BEAT_SCHEDULE.values():
        assert inspect.signature(tasks[entry["task"]].run).parameters == {}
        assert entry.keys() <= {"task", "schedule", "options"}


def test_every_tick_expires_before_it_is_old_and_goes_where_it_is_routed():
    for name, entry in BEAT_SCHEDULE.items():
        assert 0 < entry["options"]["expires"] <= 2 * entry["schedule"].total_seconds(), name
        assert entry["options"]["queue"] == queue_of(entry["task"]), name


def test_nothing_but_json_travels():
    assert (app.conf.accept_content, app.conf.task_serializer) == (["json"], "json")


def test_the_broker_holds_no_results():
    assert app.conf.task_ignore_result
    assert not app.conf.result_backend
