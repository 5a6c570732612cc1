"""`python -m bench.sessions`: what one-time sessions cost, and that each is used once however hard it is tried.

Parts: the scripts beside PING on one connection, and through what the API calls, in rounds that alternate; counting at
100,000 sessions; their bytes; the cap under eight processes; sessions over HTTP at 16 connections; a Redis that hangs;
sessions tried by eight processes at the same time while Redis is killed and started again, and so are some of them.
`--only uses --tokens 1000000` is the long one.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.sessions_http import measure_http
from bench.sessions_outage import measure_outage
from bench.sessions_race import race_cap, race_uses
from bench.sessions_scripts import measure_count, measure_manager, measure_scripts
from tests.services.valkey import Valkey, running_valkey

PARTS: dict[str, Callable[[Valkey, argparse.Namespace], bool]] = {
    "scripts": measure_scripts,
    "manager": measure_manager,
    "count": measure_count,
    "cap": race_cap,
    "http": measure_http,
    "outage": measure_outage,
    "uses": race_uses,
}


def main() -> None:
    """Measure the parts that are asked for and print a line for each; ends with 1 when a goal is missed."""
    options = _options()
    results = []
    for name in options.only or list(PARTS):
        with tempfile.TemporaryDirectory(prefix="s-", dir=options.dir) as folder:
            with running_valkey(Path(folder) / "v") as valkey:
                results.append(PARTS[name](valkey, options))
    raise SystemExit(0 if all(results) else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=list(PARTS))
    parser.add_argument("--tokens", type=int, default=100_000, help="sessions that all processes try")
    parser.add_argument("--tries", type=int, default=8, help="how many of the eight processes try each of them")
    parser.add_argument("--kills", type=int, default=5, help="how often Redis, and a process, is killed meanwhile")
    parser.add_argument("--seconds", type=float, default=10, help="for how long requests are sent")
    parser.add_argument("--processes", type=int, default=1, help="processes of the API that requests are sent to")
    parser.add_argument("--dir", type=Path, help="where the work folder goes; a short path, there are sockets in it")
    return parser.parse_args()


if __name__ == "__main__":
    main()
