"""Runs the `strongroom` command as `python -m strongroom`."""

import sys

from strongroom.cli.main import run_process

if __name__ == "__main__":
    sys.exit(run_process())
