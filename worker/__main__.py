"""`python -m worker NAME` starts one of the usual workers; with `--queues`, one that serves whatever it is told.

`python -m worker beat` and `python -m worker flower` start these with the options that Celery has for them. Flower
listens, and asks for a login, as the settings say.
"""

import argparse
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from strongroom.catalog.engine import open_engine
from strongroom.catalog.schema import verify_schema
from strongroom.catalog.session import Catalog
from strongroom.errors import ExitCode, StrongroomError
from strongroom.jobs.processes import list_alive
from strongroom.settings import process_environment
from strongroom.spans.starting import start_spans, stop_spans
from worker import logs
from worker.app import app
from worker.broker import QUEUE_NAMES
from worker.monitor import flower_options
from worker.profiles import PROFILES, Profile
from worker.settings import read_settings

FLOWER = "flower"
BESIDE_WORKERS = ("beat", FLOWER)


@dataclass(frozen=True, slots=True)
class Order:
    """What the command line asks for: a name that is unique on this host, what to serve, and what Flower is told."""

    name: str
    profile: Profile
    events: bool | None = None
    check: bool = False

    @property
    def node(self) -> str:
        """The name among all hosts."""
        return f"{self.name}@{socket.gethostname()}"


def arguments(order: Order) -> list[str]:
    """Return the command line of Celery's worker."""
    return [
        # The banner would stand between the lines of the log.
        "--quiet",
        "worker",
        f"--hostname={order.name}@%h",
        f"--queues={','.join(order.profile.queues)}",
        f"--concurrency={order.profile.processes}",
        "--loglevel=INFO",
        # Workers have nothing to tell each other: the ledger knows what runs where.
        "--without-gossip",
        "--without-mingle",
    ]


def read_order(words: Sequence[str]) -> Order:
    """Return what the command line asks for; ends the process where it makes no sense."""
    parser = argparse.ArgumentParser(prog="python -m worker", description=__doc__)
    parser.add_argument("profile", nargs="?", choices=sorted(PROFILES), help="one of the usual workers")
    parser.add_argument("--queues", type=_queues, help=f"serve these instead: {','.join(QUEUE_NAMES)}")
    parser.add_argument("--processes", type=int, help="messages to work on at a time")
    parser.add_argument("--name", help="name that no other worker on this host has; by default the profile or queues")
    parser.add_argument("--events", action=argparse.BooleanOptionalAction, help="tell Flower about every task")
    parser.add_argument("--check", action="store_true", help="say by exit code 0 or 4 whether it is alive")
    read = parser.parse_args(words)
    if (read.profile is None) == (read.queues is None):
        parser.error(f"name one of {', '.join(sorted(PROFILES))}, or --queues")
    usual = PROFILES.get(read.profile, Profile(read.queues or (), processes=1))
    profile = Profile(usual.queues, read.processes or usual.processes)
    return Order(read.name or read.profile or "-".join(profile.queues), profile, read.events, read.check)


def main() -> None:
    """Start the worker that is asked for; with wrong settings or an outdated catalog, say so and end."""
    if sys.argv[1:2] and sys.argv[1] in BESIDE_WORKERS:
        _run(sys.argv[1], sys.argv[2:])
        return
    order = read_order(sys.argv[1:])
    try:
        alive = _look(order)
    except StrongroomError as error:
        sys.exit(str(error))
    if order.check:
        sys.exit(ExitCode.OK if alive else ExitCode.UNHEALTHY)
    if order.events is not None:
        app.conf.worker_send_task_events = order.events
    logs.start(f"worker-{order.name}")
    app.worker_main(arguments(order))


def _run(name: str, options: Sequence[str]) -> None:
    try:
        logs.start(name)
        if name == "beat" and read_settings().spans.exported:
            start_spans(read_settings().spans.service_name or name)
        own = flower_options(read_settings(), process_environment()) if name == FLOWER else []
    except StrongroomError as error:
        sys.exit(str(error))
    try:
        app.start(["--quiet", name, *own, *options])
    finally:
        stop_spans()


def _look(order: Order) -> bool:
    """Check that the catalog is up to date and say whether a worker of this name is alive."""
    settings = read_settings()
    engine = open_engine(settings.catalog_url.get_secret_value())
    try:
        verify_schema(engine)
        with Catalog(engine).read() as session:
            alive = list_alive(session, within_seconds=settings.worker.silent_seconds)
        return order.node in {process.name for process in alive}
    finally:
        # No connection may be open when the pool processes are forked.
        engine.dispose()


def _queues(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    unknown = sorted(set(names) - set(QUEUE_NAMES))
    if unknown or not names:
        raise argparse.ArgumentTypeError(f"no queue {', '.join(unknown)}; there are {', '.join(QUEUE_NAMES)}")
    return names


if __name__ == "__main__":
    main()
