"""`python -m api.alive` says by exit code 0 or 4 whether the API on this host can work; for health checks."""

import http.client
import sys

from strongroom.errors import ExitCode, StrongroomError
from worker.settings import read_settings

SECONDS = 5
ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # where one that listens everywhere is asked


def main() -> int:
    """Ask the API whether it can work, and return the exit code."""
    try:
        api = read_settings().api
    except StrongroomError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    connection = http.client.HTTPConnection(ANYWHERE.get(api.host, api.host), api.port, timeout=SECONDS)
    try:
        connection.request("GET", "/health/ready")
        return ExitCode.OK if connection.getresponse().status == http.HTTPStatus.OK else ExitCode.UNHEALTHY
    except OSError:
        return ExitCode.UNHEALTHY
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
