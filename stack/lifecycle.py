"""Starting the stack, stopping it, and saying how it is."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from stack.entry import take_token
from stack.errors import NotReadyError, NotRunningError, SetUpError
from stack.installation import MARKER, PROJECT, Installation, write_private
from stack.orphans import end_orphans
from stack.programs import BROKER, WATCHDOG, broker_config, flower_login, programs, supervisor_config
from stack.readiness import Stack, verify_ports_free
from stack.supervision import ENDED, ProcessState, Supervisor
from strongroom.catalog.engine import open_engine
from strongroom.catalog.schema import upgrade
from strongroom.clock import Clock
from strongroom.settings import Settings

SECONDS_TO_START = 120.0
SECONDS_TO_STOP = 90.0
SECONDS_BETWEEN_QUESTIONS = 0.3

Say = Callable[[str], None]


def up(installation: Installation, base: Mapping[str, str], clock: Clock, say: Say) -> Stack:
    """Set up what is missing, start what is not running, and return when every process has shown that it works.

    Doing it twice is harmless. Raises ConfigError, SetUpError, PortTakenError, NotReadyError.
    """
    installation.make_directories()
    environment = installation.environment(base)
    _set_up(installation, environment, say)
    settings = installation.settings(base)
    supervisor = Supervisor(installation)
    began = clock.monotonic()
    if supervisor.is_running():
        say("Already running.")
        began -= SECONDS_TO_START
    else:
        _verify_keys(settings)
        if orphans := end_orphans(installation, clock):
            say(f"Ended {orphans} processes that had lost their supervisor.")
        verify_ports_free(settings)
        _start(installation, settings, supervisor, environment)
    stack = Stack.of(settings, take_token(installation, settings, clock))
    _await_ready(stack, supervisor, clock, began, say)
    return stack


def down(installation: Installation, clock: Clock) -> bool:
    """Stop every process and return when they are gone; says whether there was anything to stop.

    Raises NotReadyError when they do not go.
    """
    supervisor = Supervisor(installation)
    if not supervisor.is_running():
        ended = end_orphans(installation, clock)
        installation.remove_sockets()
        return ended > 0
    # First who would start the others again, last the broker: until then workers can give back what they hold.
    supervisor.stop([WATCHDOG])
    supervisor.stop(process.name for process in supervisor.processes() if process.name != BROKER)
    _await(lambda: _only_broker_left(supervisor), installation, clock)
    supervisor.shut_down()
    _await(lambda: not (installation.run / "supervisord.pid").exists(), installation, clock)
    installation.remove_sockets()
    return True


def _await(over: Callable[[], bool], installation: Installation, clock: Clock) -> None:
    deadline = clock.monotonic() + SECONDS_TO_STOP
    while not over():
        if clock.monotonic() > deadline:
            raise NotReadyError("The stack does not stop.", next_step=f"Look into {installation.log}.")
        clock.sleep(SECONDS_BETWEEN_QUESTIONS)


def _only_broker_left(supervisor: Supervisor) -> bool:
    return all(process.state in ENDED for process in supervisor.processes() if process.name != BROKER)


def states(installation: Installation) -> list[ProcessState]:
    """Return how supervisor sees the processes; raises NotRunningError."""
    found = Supervisor(installation).processes()
    if not found:
        raise NotRunningError("The stack is not running.", next_step="Start it with `make up`.")
    return found


def _set_up(installation: Installation, environment: dict[str, str], say: Say) -> None:
    """Write what a new installation lacks; of one that exists, only the catalog's tables are brought up to date.

    A region that is away must stay away: making its directory again would turn a lost disk into an empty region.
    """
    if not installation.config.exists():
        _init(installation, environment, say)
    elif not installation.settings(environment).data_dir.exists():
        _init(installation, environment, say, "--upgrade")
    else:
        engine = open_engine(installation.settings(environment).catalog_url.get_secret_value())
        upgrade(engine)
        engine.dispose()


def _verify_keys(settings: Settings) -> None:
    """Check that the key file is there: without it every process would start, and every job fail."""
    path = settings.keyring.path
    if any(region.kek.provider == "local" for region in settings.regions) and not path.is_file():
        raise SetUpError(
            f"The key file {path} is not there.",
            next_step="Put your copy of it back; a new one could not read the backups.",
        )


def _init(installation: Installation, environment: dict[str, str], say: Say, *options: str) -> None:
    command = [sys.executable, "-m", "strongroom", "--config", str(installation.config), "init", *options]
    run = subprocess.run(command, env=environment, cwd=PROJECT, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise SetUpError(
            f"The installation could not be set up.\n{run.stderr.strip()}", next_step="Correct this and start again."
        )
    say(run.stderr.strip())


def _start(installation: Installation, settings: Settings, supervisor: Supervisor, environment: dict[str, str]) -> None:
    # A machine that lost power leaves the sockets of processes that are gone.
    installation.remove_sockets()
    installation.make_directories()
    write_private(installation.run / "broker.conf", broker_config(installation))
    config = installation.run / "supervisord.conf"
    write_private(config, supervisor_config(installation, programs(installation, settings)))
    supervisor.start(str(config), environment | flower_login(settings) | {MARKER: str(installation.directory)})


def _await_ready(stack: Stack, supervisor: Supervisor, clock: Clock, began: float, say: Say) -> None:
    reported: list[str] = []
    while waiting := stack.waiting_for(clock.monotonic() - began):
        if waiting != reported:
            say(f"Waiting for {', '.join(waiting)}")
            reported = waiting
        broken = [process for process in supervisor.processes() if process.state in {"FATAL", "BACKOFF"}]
        if broken or clock.monotonic() - began > SECONDS_TO_START:
            raise _not_ready(waiting, broken)
        clock.sleep(SECONDS_BETWEEN_QUESTIONS)


def _not_ready(waiting: list[str], broken: list[ProcessState]) -> NotReadyError:
    logs = "\n".join(f"{process.log}:\n{_tail(Path(process.log))}" for process in broken)
    return NotReadyError(
        f"Not ready: {', '.join(waiting)}.\n{logs}".rstrip(), next_step="Mend that, then `make up` again."
    )


def _tail(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace").strip()[-1500:] if log.exists() else ""
