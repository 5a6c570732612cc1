"""Whatever can be queued is a task, has a queue, and somebody serves it."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from celery.app.defaults import NAMESPACES, flatten
from celery.schedules import schedule

from beat_schedule import BEAT_SCHEDULE
from strongroom.jobs.kinds import JobKind
from worker import configuration
from worker.__main__ import Order, arguments, read_order
from worker.app import app
from worker.broker import QUEUE_NAMES
from worker.profiles import PROFILES, Profile
from worker.stopping import StopFlag

SERVED = {queue for profile in PROFILES.values() for queue in profile.queues}
DECLARED = set(QUEUE_NAMES)


@pytest.fixture(scope="module", autouse=True)
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The application reads the settings on first use, so there have to be some."""
    config = tmp_path_factory.mktemp("installation") / "strongroom.toml"
    config.write_text('[regions.here]\npath = "here"\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STRONGROOM_CONFIG", str(config))
        assert app.conf.broker_url
        yield


@pytest.fixture
def tasks() -> set[str]:
    app.loader.import_default_modules()
    return {name for name in app.tasks if not name.startswith("celery.")}


def test_every_kind_of_job_is_a_task(tasks):
    assert {kind.value for kind in JobKind} <= tasks


def test_every_tick_is_a_task(tasks):
    assert {entry["task"] for entry in BEAT_SCHEDULE.values()} <= tasks


def test_every_task_is_a_kind_of_job_or_a_tick_and_has_a_route(tasks):
    assert tasks == {kind.value for kind in JobKind} | {entry["task"] for entry in BEAT_SCHEDULE.values()}
    assert tasks == configuration.task_routes.keys()


def test_every_route_leads_to_a_queue_that_is_declared_and_served():
    routed = {route["queue"] for route in configuration.task_routes.values()}

    assert routed <= DECLARED
    assert DECLARED == SERVED


def test_a_queue_is_served_by_one_profile():
    assert len(SERVED) == sum(len(profile.queues) for profile in PROFILES.values())


def test_every_tick_expires_before_the_next_one_and_takes_no_input():
    for entry in BEAT_SCHEDULE.values():
        assert isinstance(entry["schedule"], timedelta)
        assert 0 < entry["options"]["expires"] <= entry["schedule"].total_seconds()
        assert entry.keys() == {"task", "schedule", "options"}


def test_a_tick_and_its_route_name_the_same_queue():
    for entry in BEAT_SCHEDULE.values():
        assert configuration.task_routes[entry["task"]]["queue"] == entry["options"]["queue"]


def test_the_schedule_is_what_beat_runs():
    without_keys = {name: entry for name, entry in BEAT_SCHEDULE.items() if not entry["task"].startswith("keysync.")}
    assert app.conf.beat_schedule == without_keys
    assert len(without_keys) == len(BEAT_SCHEDULE) - 4
    assert schedule(next(iter(BEAT_SCHEDULE.values()))["schedule"]).seconds > 0


def test_the_ticks_of_a_key_provider_come_as_often_as_peers_expect():
    ticks = {entry["task"]: entry for entry in BEAT_SCHEDULE.values() if entry["task"].startswith("keysync.")}

    assert {
        task: (entry["schedule"].total_seconds(), entry["options"]["expires"]) for task, entry in ticks.items()
    } == {
        "keysync.heartbeat": (10, 10),
        "keysync.refill": (30, 30),
        "keysync.capabilities": (300, 300),
        "keysync.expire": (60, 60),
    }


def test_a_tick_of_a_key_provider_that_hangs_is_ended(tasks):
    assert {name: app.tasks[name].time_limit for name in tasks if name.startswith("keysync.")} == {
        "keysync.heartbeat": 60,
        "keysync.refill": 240,
        "keysync.capabilities": 60,
        "keysync.expire": 300,
    }


def test_beat_runs_the_ticks_of_a_key_provider_where_there_is_one(tmp_path: Path):
    config = tmp_path / "strongroom.toml"
    config.write_text('[regions.here]\npath = "here"\n[skip]\nsystem_id = "KP-A"\n')
    told = "from worker.app import app; print(sorted(app.conf.beat_schedule))"
    environment = {**os.environ, "STRONGROOM_CONFIG": str(config)}

    run = subprocess.run([sys.executable, "-c", told], env=environment, capture_output=True, text=True, check=True)

    assert run.stdout == f"{sorted(BEAT_SCHEDULE)}\n"


def test_beat_sends_heartbeats_and_fills_pools_as_often_as_the_settings_say(tmp_path: Path):
    config = tmp_path / "strongroom.toml"
    config.write_text(
        '[regions.here]\npath = "here"\n[skip]\nsystem_id = "KP-A"\nheartbeat_seconds = 20\nrefill_seconds = 60\n'
    )
    told = (
        "from worker.app import app; print({e['task']: (e['schedule'].seconds, e['options']['expires'])"
        " for e in app.conf.beat_schedule.values() if e['task'].startswith('keysync.')})"
    )
    environment = {**os.environ, "STRONGROOM_CONFIG": str(config)}

    run = subprocess.run([sys.executable, "-c", told], env=environment, capture_output=True, text=True, check=True)

    ticks = ast.literal_eval(run.stdout)
    assert (ticks["keysync.heartbeat"], ticks["keysync.refill"]) == ((20, 20), (60, 60))
    assert ticks["keysync.expire"] == (60, 60)


def test_a_worker_is_started_with_its_queues_and_no_secret():
    for name, profile in PROFILES.items():
        command = arguments(Order(name, profile))
        assert f"--queues={','.join(profile.queues)}" in command
        assert f"--concurrency={profile.processes}" in command
        assert not [argument for argument in command if "://" in argument]


def test_messages_are_json_and_results_stay_in_the_ledger():
    assert app.conf.accept_content == ["json"]
    assert app.conf.task_ignore_result
    assert app.conf.result_backend is None


def test_a_crash_hands_the_message_on_and_a_worker_takes_one_at_a_time():
    assert app.conf.task_acks_late
    assert app.conf.task_reject_on_worker_lost
    assert app.conf.worker_prefetch_multiplier == 1


def test_every_setting_is_one_that_celery_knows():
    known = {name for name, _ in flatten(NAMESPACES)}
    ours = {name for name in vars(configuration) if name.islower() and not name.startswith("__")}

    assert ours - known == set()


def test_a_worker_serves_what_it_is_told_under_a_name_of_its_own():
    order = read_order(["--queues", "backup,copy", "--processes", "4", "--name", "big", "--no-events"])

    assert (order.name, order.profile, order.events) == ("big", Profile(("backup", "copy"), 4), False)
    assert read_order(["--queues", "backup,copy"]).name == "backup-copy"
    assert read_order(["recovery", "--processes", "1"]).profile == Profile(PROFILES["recovery"].queues, 1)


@pytest.mark.parametrize("words", [[], ["backup", "--queues", "copy"], ["--queues", "nowhere"], ["--queues", ","]])
def test_an_order_that_makes_no_sense_ends_with_2(words):
    with pytest.raises(SystemExit) as ended:
        read_order(words)
    assert ended.value.code == 2


def test_a_flag_set_by_the_worker_is_seen_in_a_process_it_forked_before():
    flag = StopFlag()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(reader, 1)
        os._exit(7 if flag.is_set() else 0)
    assert not flag.is_set()
    flag.set()
    os.write(writer, b"x")

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
