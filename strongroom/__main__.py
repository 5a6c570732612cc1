"""Runs the `strongroom` command as `python -m strongroom`."""

import sys

from strongroom.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
