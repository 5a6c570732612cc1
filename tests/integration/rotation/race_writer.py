"""A writer of hot rows: `race_writer.py URL NUMBER OF ROWS SECONDS SEED REPORT` writes its share of the rows again and
again, in a process of its own, and puts into the file REPORT what it wrote last into each."""

import json
import random
import sys
import time
from pathlib import Path

import psycopg

from tests.integration.rotation.tables import SHOP, cipher_for, ring


def main() -> None:
    url, number, writers, rows, seconds, seed, report = sys.argv[1:]
    chance = random.Random(f"{seed} {number}")
    mine = [row for row in range(int(rows)) if row % int(writers) == int(number)]
    ciphers = [cipher_for(SHOP, ring(active)) for active in ("v1", "v2")]
    last: dict[int, str] = {}
    waits: list[float] = []
    with psycopg.connect(url, autocommit=True) as connection:
        print("ready", flush=True)
        sys.stdin.readline()
        until = time.monotonic() + float(seconds)
        while time.monotonic() < until:
            row = chance.choice(mine)
            text = f"writer {number} row {row} value {len(waits)}"
            token = chance.choice(ciphers).encrypt(text, None)
            begin = time.monotonic()
            connection.execute("UPDATE secret_number SET secret = %s WHERE id = %s", [token, row], prepare=True)
            # Committed when this is reached; before that the row may hold either.
            waits.append(time.monotonic() - begin)
            last[row] = text
    Path(report).write_text(json.dumps({"last": last, "waits": waits}))


if __name__ == "__main__":
    main()
