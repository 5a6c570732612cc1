#!/usr/bin/env python3
"""Restore what `backup.py` made: `strongroom export restore` under its older name.

  scripts/dr/restore.py --backup-dir DIR [--database-only] [--no-confirm [--confirm NAME]]

Every option of `strongroom export restore` is taken; `--help` shows them.
"""

import sys
from collections.abc import Sequence

from strongroom.cli.main import main

OPTION = "--backup-dir"


def words(arguments: Sequence[str]) -> list[str]:
    """Return the arguments of the command: the directory, which has an option here, is a plain word there."""
    rest = list(arguments)
    for place, word in enumerate(rest):
        if word == OPTION and place + 1 < len(rest):
            return [*rest[:place], *rest[place + 2 :], "--", rest[place + 1]]
        if word.startswith(f"{OPTION}="):
            return [*rest[:place], *rest[place + 1 :], "--", word.removeprefix(f"{OPTION}=")]
    return rest


if __name__ == "__main__":
    sys.exit(main(("export", "restore", *words(sys.argv[1:]))))
