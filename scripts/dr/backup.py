#!/usr/bin/env python3
"""Back up a database and a directory into one directory, encrypted: `strongroom export make` under its older name.

  scripts/dr/backup.py --output DIR [--database-only] [--retention-days N] [--keep N]

Every option of `strongroom export make` is taken; `--help` shows them.
"""

import sys

from strongroom.cli.main import main

if __name__ == "__main__":
    sys.exit(main(("export", "make", *sys.argv[1:])))
