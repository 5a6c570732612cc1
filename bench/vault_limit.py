"""What PostgreSQL alone reaches: `python -m bench.vault_limit BATCH FIRST LAST` replaces each value by itself."""

import os
import sys

import psycopg


def main() -> None:
    """Say that it is ready, wait for the word, and update range by range, a transaction each."""
    batch, first, last = map(int, sys.argv[1:])
    with psycopg.connect(os.environ["SHOP_URL"], autocommit=True) as connection:
        print("ready", flush=True)
        sys.stdin.readline()
        for begin in range(first, last, batch):
            connection.execute(
                "UPDATE vault SET secret = secret || '' WHERE id >= %s AND id < %s",
                [begin, min(begin + batch, last)],
                prepare=True,
            )
        print("done", flush=True)


if __name__ == "__main__":
    main()
