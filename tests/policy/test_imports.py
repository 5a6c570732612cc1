"""The library imports without the service's dependencies, without the extras, and without touching anything."""

import ast
import json
import subprocess
import sys

import pytest

from tests.policy.project import (
    BEAT_SCHEDULE,
    LIBRARY,
    ROOT,
    imported_names,
    library_modules,
    python_files,
    relative,
    syntax,
)

SERVICE_ONLY = [
    "celery",
    "kombu",
    "redis",
    "fastapi",
    "starlette",
    "uvicorn",
    "flower",
    "supervisor",
    "api",
    "worker",
    "tasks",
    "stack",
]
EXTRAS = ["boto3", "botocore", "httpx", "psycopg", "psycopg_pool"]
ADAPTERS = (f"{LIBRARY}.storage.s3", f"{LIBRARY}.keyring.aws_kms", f"{LIBRARY}.keyring.vault_transit")

IMPORT_THEM = """
import importlib, json, sys
blocked, modules = json.load(sys.stdin)
for name in blocked:
    sys.modules[name] = None
for module in modules:
    importlib.import_module(module)
"""

IMPORT_THEM_WATCHED = """
import importlib, json, os, sys
modules, others = json.load(sys.stdin)
for other in others:
    importlib.import_module(other)
EFFECTS = {"socket.connect", "socket.bind", "subprocess.Popen", "os.fork", "os.mkdir", "os.remove", "sqlite3.connect"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
seen, watching = [], True
def watch(event, arguments):
    if not watching:
        return
    if event in EFFECTS:
        seen.append([event, str(arguments[0])])
    if event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING:
        seen.append([event, str(arguments[0])])
sys.addaudithook(watch)
for module in modules:
    importlib.import_module(module)
watching = False
print(json.dumps(seen))
"""

LIST_LOADED = """
import importlib, json, sys
for module in json.load(sys.stdin):
    importlib.import_module(module)
print(json.dumps(list(sys.modules)))
"""
LIST_BUILT = """
import json
import strongroom.settings
from strongroom.settings.fields import Section
def below(parent):
    return [name for one in parent.__subclasses__() for name in [one, *below(one)]]
print(json.dumps(sorted({one.__name__ for one in below(Section) if one.__pydantic_complete__})))
"""
OF_OTHER_COMMANDS = [
    "alembic",
    "apprise",
    "opentelemetry",
    "pathspec",
    "sqlalchemy.dialects.postgresql",
    f"{LIBRARY}.accounts",
    f"{LIBRARY}.backup.database_wish",
    f"{LIBRARY}.backup.restore_requests",
    f"{LIBRARY}.catalog.accounts",
    f"{LIBRARY}.catalog.alert_messages",
    f"{LIBRARY}.catalog.step_up",
    f"{LIBRARY}.catalog.watching",
    f"{LIBRARY}.cli.stepping_up",
    f"{LIBRARY}.cloud.expiring",
    f"{LIBRARY}.columnkeys",
    f"{LIBRARY}.columns",
    f"{LIBRARY}.drills",
    f"{LIBRARY}.exports",
    f"{LIBRARY}.keysync",
    f"{LIBRARY}.retention",
    f"{LIBRARY}.rotation",
    f"{LIBRARY}.stepup.spending",
]
"""Half of what an incremental backup of an unchanged tree takes is starting."""


def run_python(program: str, payload: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-B", "-c", program]
    return subprocess.run(command, input=json.dumps(payload), cwd=ROOT, capture_output=True, text=True, check=False)


def is_adapter(module: str) -> bool:
    """Say whether a module is the part of its room that speaks to an extra; its room imports it late."""
    return module.startswith(ADAPTERS)


def test_the_walk_finds_the_library():
    modules = library_modules()

    assert len(modules) > 50
    assert {f"{LIBRARY}.keyring.provider", f"{LIBRARY}.catalog.jobs"} <= set(modules)


def test_every_module_of_the_library_imports_without_the_service():
    run = run_python(IMPORT_THEM, [SERVICE_ONLY, library_modules()])

    assert run.returncode == 0, run.stderr


def test_a_blocked_package_would_be_noticed():
    run = run_python(IMPORT_THEM, [["msgspec"], library_modules()])

    assert "msgspec" in run.stderr


ROOMS = ["keyring", "columnkeys", "columns", "catalog", "jobs", "repository", "storage", "settings", "tree", "cli"]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_without_the_extras(room: str):
    modules = [module for module in library_modules() if module.split(".")[1:2] == [room]]
    wanted = [module for module in modules if not is_adapter(module)]
    assert wanted

    run = run_python(IMPORT_THEM, [[*SERVICE_ONLY, *EXTRAS], wanted])

    assert run.returncode == 0, run.stderr


def test_a_backup_here_starts_without_what_only_other_commands_need():
    run = run_python(LIST_LOADED, ["strongroom.cli.backup", "strongroom.backup.run"])

    assert run.returncode == 0, run.stderr
    loaded = set(json.loads(run.stdout))
    assert "strongroom.cli.here" in loaded
    assert loaded.isdisjoint({*SERVICE_ONLY, *EXTRAS, *OF_OTHER_COMMANDS})


def test_a_lookout_starts_with_next_to_nothing():
    run = run_python(LIST_LOADED, ["strongroom.sources.files.lookout_process"])

    assert run.returncode == 0, run.stderr
    assert {"dataclasses", "msgspec", "pydantic", f"{LIBRARY}.errors"}.isdisjoint(json.loads(run.stdout))


def test_only_the_built_in_policies_are_checked_before_there_is_a_file():
    run = run_python(LIST_BUILT, None)

    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == ["PolicySettings"]


def test_importing_the_library_connects_writes_and_starts_nothing():
    names = {name for path in python_files(LIBRARY) for name in imported_names(path)}
    others = sorted(name for name in names if name.split(".")[0] not in {LIBRARY, *sys.stdlib_module_names})

    run = run_python(IMPORT_THEM_WATCHED, [library_modules(), others])

    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == []


def test_the_beat_schedule_imports_only_the_schedules_of_celery():
    names = set(imported_names(BEAT_SCHEDULE))

    assert {name for name in names if name.split(".")[0] not in sys.stdlib_module_names} <= {"celery.schedules"}


def test_nobody_uses_a_relative_import():
    relative_imports = [
        f"{relative(path)}:{node.lineno}"
        for path in python_files()
        for node in ast.walk(syntax(path))
        if isinstance(node, ast.ImportFrom) and node.level > 0
    ]

    assert relative_imports == []
