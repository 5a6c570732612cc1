"""`strongroom watch`: the process that notices when nothing happens any more."""

import os
import signal
import socket
import threading

import click

from strongroom.cli.command import Command
from strongroom.cli.invocation import Invocation
from strongroom.jobs.processes import ProcessIdentity, ProcessKind
from strongroom.services import Services

SERVICE = "watch"


@click.command("watch", cls=Command, examples=("strongroom watch", "strongroom watch --once"))
@click.option("--once", is_flag=True, help="Look once, send what is due, and end.")
@click.pass_obj
def watch(invocation: Invocation, *, once: bool) -> None:
    """Watch that backups happen, and tell people when not.

    It sends alerts through the channels and pings the addresses outside. Run it as a service of its own, beside Beat
    and the workers; several may run. It ends on SIGTERM.
    """
    # Imported here: the channels are needed by no other command but `alerts test`.
    from strongroom.alerts.sending import Sender
    from strongroom.logs.starting import start_log
    from strongroom.watch.watcher import Watcher

    logs = invocation.settings().logs
    start_log(SERVICE, "DEBUG" if invocation.verbose > 1 else logs.level, logs.format)
    with invocation.services(process=SERVICE) as services:
        sender = Sender(services.settings, invocation.environment(), services.clock)
        watcher = Watcher(services, sender, _identity(services))
        if once:
            watcher.run_once()
            return
        watcher.run(_stop_on_signals())


def _identity(services: Services) -> ProcessIdentity:
    host = socket.gethostname()
    # With its number, so that two on one host do not pass for one.
    name = f"watch@{host}:{os.getpid()}"
    return ProcessIdentity(name, ProcessKind.WATCHER, host, os.getpid(), services.clock.now())


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
