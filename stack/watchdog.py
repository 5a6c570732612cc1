"""`python -m stack.watchdog DIRECTORY` starts processes again that live and give no sign of it.

A worker that has lost its broker without noticing, or that was frozen, looks well to supervisor: its process is there.
"""

import logging
import socket
import sys
from pathlib import Path

from stack.installation import Installation
from stack.programs import HEARTBEATS
from stack.supervision import ENDED, Supervisor
from strongroom.catalog.engine import open_engine
from strongroom.catalog.session import Catalog
from strongroom.clock import Clock, SystemClock
from strongroom.errors import UnavailableError
from strongroom.jobs.processes import list_alive
from strongroom.logs.starting import start_log
from strongroom.settings import process_environment

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 60
"""Six heartbeats."""
SECONDS_BETWEEN_LOOKS = 10.0


class Watchdog:
    """Stops what is silent, and starts again what it has stopped."""

    def __init__(self, supervisor: Supervisor, catalog: Catalog, host: str, patience: int = PATIENCE_SECONDS) -> None:
        self._supervisor = supervisor
        self._catalog = catalog
        self._host = host
        self._patience = patience
        self._stopped: set[str] = set()

    def look(self) -> None:
        """Look once; with the catalog away nobody can be judged, so nobody is."""
        try:
            silent = self._silent()
        except UnavailableError as error:
            log.warning("nobody is judged: %s", error.what)
            return
        for name in silent:
            log.warning("%s has been silent for %d s and is started again", name, self._patience)
        self._supervisor.stop(silent)
        self._stopped |= set(silent)
        ended = {process.name for process in self._supervisor.processes() if process.state in ENDED}
        self._supervisor.start_again(self._stopped & ended)
        self._stopped -= ended

    def _silent(self) -> list[str]:
        with self._catalog.read() as session:
            # Beat's name ends with its process number.
            beating = list_alive(session, within_seconds=self._patience)
            alive = {heartbeat.name.partition(":")[0] for heartbeat in beating}
        # One that has just started has not had the time.
        settled = [p for p in self._supervisor.processes() if p.state == "RUNNING" and p.seconds > self._patience]
        return [p.name for p in settled if p.name in HEARTBEATS and f"{HEARTBEATS[p.name]}@{self._host}" not in alive]


def watch(watchdog: Watchdog, clock: Clock) -> None:
    """Look again and again."""
    while True:
        watchdog.look()
        clock.sleep(SECONDS_BETWEEN_LOOKS)


def main() -> None:
    """Watch over the installation in the directory that the command line names."""
    installation = Installation(Path(sys.argv[1]))
    settings = installation.settings(process_environment())
    start_log("watchdog", settings.logs.level, settings.logs.format)
    catalog = Catalog(open_engine(settings.catalog_url.get_secret_value()))
    watch(Watchdog(Supervisor(installation), catalog, socket.gethostname()), SystemClock())


if __name__ == "__main__":
    main()
