"""`python -m stack up|down|status` runs Strongroom on this machine, in one directory."""

import argparse
import sys
from pathlib import Path

from stack.installation import PROJECT, Installation
from stack.lifecycle import down, states, up
from strongroom.clock import SystemClock
from strongroom.errors import StrongroomError
from strongroom.settings import process_environment

DEFAULT_DIRECTORY = PROJECT / "var"


def main() -> int:
    """Do what the command line says; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m stack", description=__doc__)
    parser.add_argument("action", choices=sorted(ACTIONS))
    parser.add_argument("--dir", type=Path, default=DEFAULT_DIRECTORY, help="where everything is kept (default: var)")
    options = parser.parse_args()
    try:
        return ACTIONS[options.action](Installation(options.dir.absolute()))
    except StrongroomError as error:
        print(error, file=sys.stderr)
        return error.exit_code


def _up(installation: Installation) -> int:
    stack = up(installation, process_environment(), SystemClock(), say=lambda text: print(text, file=sys.stderr))
    faces = "".join(f"  {'For ' + who:<16}{address}\n" for who, address in stack.faces)
    print(f"""
Strongroom is up.

  API             {stack.api}   (description: /openapi.json)
  Token           {installation.token_file}
  Metrics         {stack.metrics}
  Flower          {stack.flower}   (user strongroom, STRONGROOM_FLOWER_PASSWORD in {installation.secrets_file})
{faces}  Configuration   {installation.config}
  Logs            {installation.log}

  To use the command line:   export STRONGROOM_CONFIG={installation.config}
  For `strongroom sessions`: export STRONGROOM_BROKER_URL={installation.broker_url}
  To stop:                   make down""")
    return 0


def _down(installation: Installation) -> int:
    print("Stopped." if down(installation, SystemClock()) else "Nothing was running.")
    return 0


def _status(installation: Installation) -> int:
    found = states(installation)
    for process in found:
        print(f"{process.name:<18}{process.state:<10}{process.description}")
    return 0 if all(process.state == "RUNNING" for process in found) else 4


ACTIONS = {"up": _up, "down": _down, "status": _status}

if __name__ == "__main__":
    sys.exit(main())
