"""Two writers of hot rows: `python -m bench.vault_writers SECONDS HOT` prints the 99th percentile of their waits."""

import os
import random
import statistics
import sys
import threading
import time

import psycopg

UPDATE = "UPDATE vault SET secret = secret || '', changed = now() WHERE id = %s"


def main() -> None:
    """Say that it is ready, wait for the word, and write the value each row has, again and again."""
    seconds, hot = float(sys.argv[1]), int(sys.argv[2])
    waits: list[float] = []
    print("ready", flush=True)
    sys.stdin.readline()
    writers = [threading.Thread(target=_write, args=(seconds, hot, seed, waits)) for seed in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    print(statistics.quantiles(waits, n=100)[98] * 1000, flush=True)


def _write(seconds: float, hot: int, seed: int, waits: list[float]) -> None:
    chance = random.Random(seed)
    until = time.monotonic() + seconds
    with psycopg.connect(os.environ["SHOP_URL"], autocommit=True) as connection:
        while time.monotonic() < until:
            row = chance.randrange(hot)
            begin = time.monotonic()
            connection.execute(
                "UPDATE vault SET secret = secret || '', changed = now() WHERE id = %s", [row], prepare=True
            )
            waits.append(time.monotonic() - begin)


if __name__ == "__main__":
    main()
