"""A writer of hot rows: `python -m bench.vault_writers SECONDS HOT SEED` prints as JSON how many ms each write took.

It does what an application does: encrypts a new value, updates the row, commits, and goes on to the next.
"""

import json
import os
import random
import sys
import time
from pathlib import Path

import psycopg

from bench.vault import SECRET_BYTES, writing_cipher

UPDATE = "UPDATE vault SET secret = %s, changed = now() WHERE id = %s"


def main() -> None:
    """Say that it is ready, wait for the word, and write."""
    seconds, hot, seed = float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    chance, cipher = random.Random(seed), writing_cipher(Path(os.environ["STRONGROOM_CONFIG"]).parent)
    waits: list[float] = []
    with psycopg.connect(os.environ["SHOP_URL"], autocommit=True) as connection:
        connection.execute(UPDATE, [None, -1], prepare=True)
        print("ready", flush=True)
        sys.stdin.readline()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            row = chance.randrange(hot)
            secret = f"secret {len(waits):08} ".ljust(SECRET_BYTES, "x")
            begin = time.monotonic()
            connection.execute(UPDATE, [cipher.encrypt(secret, None), row], prepare=True)
            waits.append((time.monotonic() - begin) * 1000)
    print(json.dumps(waits), flush=True)


if __name__ == "__main__":
    main()
