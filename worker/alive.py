"""`python -m worker.alive KIND` says by exit code 0 or 4 whether a process of this kind lives on this host.

For the health checks of containers: in one of them, the host is the container.
"""

import argparse
import socket
import sys
from collections.abc import Sequence

from strongroom.catalog.engine import open_engine
from strongroom.catalog.session import Catalog
from strongroom.errors import ExitCode, StrongroomError
from strongroom.jobs.processes import ProcessKind, list_alive
from worker.settings import read_settings


def main(words: Sequence[str]) -> int:
    """Look for a sign of life and return the exit code; a catalog that does not answer is no sign of death: 14."""
    parser = argparse.ArgumentParser(prog="python -m worker.alive", description=__doc__)
    parser.add_argument("kind", choices=[kind.value for kind in ProcessKind])
    kind = ProcessKind(parser.parse_args(words).kind)
    try:
        return ExitCode.OK if is_alive(kind, socket.gethostname()) else ExitCode.UNHEALTHY
    except StrongroomError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code


def is_alive(kind: ProcessKind, host: str) -> bool:
    """Say whether a process of the kind on the host gave a sign of life lately."""
    settings = read_settings()
    engine = open_engine(settings.catalog_url.get_secret_value())
    try:
        with Catalog(engine).read() as session:
            found = list_alive(session, within_seconds=settings.worker.silent_seconds, kind=kind)
        return any(process.host == host for process in found)
    finally:
        engine.dispose()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
