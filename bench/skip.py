"""`python -m bench.skip`: keys shared with ten peers, keys given to encryptors, and a peer that is killed.

Every provider and every peer is a set of processes of its own, with its own database on one PostgreSQL server and its
own broker; messages go over TLS with certificates, in profile v2. Three parts: keys that peers confirm a minute while
heartbeats go out; `GET /key` at a steady rate for a minute; seconds until keys flow after a peer was killed.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import psycopg

from bench.skip_load import ask_steadily, percentile
from strongroom.clock import SystemClock, system_random
from strongroom.errors import StrongroomError
from strongroom.keysync.linking import Link
from strongroom.keysync.messages import Heartbeat
from strongroom.keysync.opening import make_sender
from strongroom.keysync.provider import open_provider
from strongroom.runtime import build_runtime
from strongroom.settings import load_settings
from strongroom.testing.postgres import ScratchPostgres
from tests.e2e.deployment import eventually
from tests.e2e.providers import CONFIGURATION, KeyProvider, make_sites
from tests.services.valkey import running_valkey

KEYS_A_MINUTE, HEARTBEAT_MS, LOST_MS = 30_000, 100.0, 3000.0
RATE, KEY_MS, WARM_UP_SECONDS = 200.0, 25.0, 10.0
WAL_FILES = 8
"""More than what a part writes in a minute."""
RECOVERY_SECONDS, AWAY_SECONDS = 30.0, 40.0


def main() -> None:
    """Measure the parts that are asked for and print a line for each; ends with 1 when a goal is missed."""
    options = _options()
    parts: dict[str, Callable[[Path, argparse.Namespace], bool]] = {
        "sync": _sync,
        "keys": _keys,
        "recovery": _recovery,
    }
    with tempfile.TemporaryDirectory(prefix="strongroom-bench-", dir=options.dir) as folder:
        results = [parts[name](Path(folder) / name, options) for name in options.only or list(parts)]
    raise SystemExit(0 if all(results) else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=["sync", "keys", "recovery"])
    parser.add_argument("--peers", type=int, default=10)
    parser.add_argument("--keys", type=int, default=3_500, help="keys that each peer is to confirm")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--dir", type=Path, help="where the work folder goes; a short path, there are sockets in it")
    return parser.parse_args()


@contextmanager
def _sites(folder: Path, names: list[str], *options: str) -> Iterator[list[KeyProvider]]:
    """Make sites with services of their own; nothing of theirs runs yet but the services."""
    folder.mkdir()
    with ExitStack() as opened:
        postgres = opened.enter_context(ScratchPostgres(durable=True))
        _age(postgres)
        bundles, ports = make_sites(folder / "sites", *options, sites=names, environment="production")
        providers = []
        for bundle in bundles:
            postgres.create_database(bundle.name)
            broker = opened.enter_context(running_valkey(folder / f"broker-{bundle.name}"))
            (folder / bundle.name).mkdir()
            variables = {
                "STRONGROOM_CATALOG_URL": postgres.url(bundle.name),
                "STRONGROOM_BROKER_URL": broker.url,
            }
            providers.append(KeyProvider(folder / bundle.name, CONFIGURATION, variables, bundle=bundle))
            opened.callback(providers[-1].stop)
        for port in ports:
            opened.callback(port.release)
        yield providers


def _age(postgres: ScratchPostgres) -> None:
    """Give a new server the files for its log that one has after its first checkpoints.

    It makes each of 16 MB when it needs it, and all commits wait for that; later it uses old ones again.
    """
    with postgres.connect() as connection:
        for _ in range(WAL_FILES):
            connection.execute("SELECT pg_logical_emit_message(true, 'bench', 'something'), pg_switch_wal()")
        connection.execute("CHECKPOINT")


def _sync(folder: Path, options: argparse.Namespace) -> bool:
    """Fill the empty pools of one provider with all its peers, while heartbeats go to each of them."""
    names = ["centre", *(f"peer-{number}" for number in range(options.peers))]
    with _sites(folder, names, "--topology", "mesh") as (centre, *peers):
        _write_marks(centre, options.keys)
        for provider in (centre, *peers):
            provider.join()
        for peer in peers:
            peer.start_process("peer", "api", "peer")
        # Without Beat: heartbeats that are measured are numbered in the order they are sent, as those of one tick are.
        centre.start_workers()
        with _heartbeats(centre) as trips:
            _ask_for_keys(centre)
            seconds = _time_to(centre, options.peers * options.keys)
    rate = options.peers * options.keys / seconds * 60
    p99 = percentile(trips, 0.99)
    print(
        f"key sync: {options.peers * options.keys} keys confirmed by {options.peers} peers in {seconds:.1f} s, "
        f"{rate:,.0f} a minute (goal {KEYS_A_MINUTE:,})\n"
        f"heartbeats meanwhile: {len(trips)}, median {percentile(trips, 0.5):.1f} ms, p99 {p99:.1f} ms, "
        f"{trips.count(LOST_MS)} lost (goal {HEARTBEAT_MS:.0f} ms)"
    )
    return rate >= KEYS_A_MINUTE and p99 < HEARTBEAT_MS


def _keys(folder: Path, options: argparse.Namespace) -> bool:
    """Ask one provider of a pair for fresh keys at a steady rate."""
    with _sites(folder, ["lisbon", "porto"]) as (lisbon, porto):
        for provider in (lisbon, porto):
            provider.start()
        _ask_for_keys(lisbon)
        eventually(lambda: _confirmed(lisbon) >= 1024, "the pool is full", seconds=90)
        path = f"/key?remoteSystemID={porto.system_id}"
        # Processes that have just started load code and open connections for some seconds.
        ask_steadily(lisbon.address, lisbon.identity, path, rate=RATE, seconds=WARM_UP_SECONDS)
        answers = ask_steadily(lisbon.address, lisbon.identity, path, rate=RATE, seconds=options.seconds)
    milliseconds = [1000 * seconds for seconds in answers.seconds]
    p99 = percentile(milliseconds, 0.99)
    late = 1000 * percentile(answers.late, 0.99)
    print(
        f"GET /key: {len(milliseconds)} at {RATE:.0f}/s, median {percentile(milliseconds, 0.5):.1f} ms, "
        f"p99 {p99:.1f} ms, most {max(milliseconds):.1f} ms, {len(answers.failures)} failures "
        f"(goal {KEY_MS:.0f} ms, 0)\n"
        f"who asked was late by {late:.1f} ms (p99; it is counted) and took {answers.cpu_share:.0%} of a core"
    )
    return p99 < KEY_MS and not answers.failures


def _recovery(folder: Path, options: argparse.Namespace) -> bool:
    """Kill every process of a peer, leave it away until it counts as offline, start it, wait for a key made now."""
    with _sites(folder, ["lisbon", "porto"]) as (lisbon, porto):
        for provider in (lisbon, porto):
            provider.start()
        with lisbon.encryptor() as encryptor:
            # A size that no pool has: the peer has to take it now.
            asked = {"remoteSystemID": porto.system_id, "size": "192"}
            eventually(lambda: encryptor.get("/key", params=asked).status_code == 200, "keys flow")
            for server in porto.servers.values():
                os.killpg(server.pid or 0, signal.SIGKILL)
            time.sleep(AWAY_SECONDS)
            refused = encryptor.get("/key", params=asked).status_code
            began = time.monotonic()
            porto.start_processes()
            eventually(lambda: encryptor.get("/key", params=asked).status_code == 200, "keys flow again")
            seconds = time.monotonic() - began
    print(
        f"recovery: answered {refused} while the peer was gone for {AWAY_SECONDS:.0f} s; keys flow {seconds:.1f} s "
        f"after its start (goal {RECOVERY_SECONDS:.0f} s)"
    )
    return seconds < RECOVERY_SECONDS and refused == 503


def _write_marks(provider: KeyProvider, keys: int) -> None:
    tables = provider.bundle / "skip.toml"
    text = tables.read_text().replace("low_water = 256", f"low_water = {keys}")
    tables.write_text(text.replace("high_water = 1024", f"high_water = {keys}"))


def _ask_for_keys(provider: KeyProvider) -> None:
    """Have a worker fill the pools now, not at the next tick."""
    command = [sys.executable, "-m", "celery", "--app", "worker.app", "call", "keysync.refill", "--queue", "keyfill"]
    subprocess.run(command, env={**os.environ, **provider.variables}, check=True, capture_output=True)


def _confirmed(provider: KeyProvider) -> int:
    with psycopg.connect(provider.variables["STRONGROOM_CATALOG_URL"]) as connection:
        row = connection.execute("SELECT count(*) FROM skip_unspent WHERE state = 'synced'").fetchone()
    return 0 if row is None else int(row[0])


def _time_to(provider: KeyProvider, keys: int) -> float:
    """Return the seconds in which so many keys are confirmed."""
    began = time.monotonic()
    while _confirmed(provider) < keys:
        if time.monotonic() - began > 300:
            raise SystemExit(f"only {_confirmed(provider)} keys were confirmed in five minutes")
        time.sleep(0.25)
    return time.monotonic() - began


@contextmanager
def _heartbeats(provider: KeyProvider) -> Iterator[list[float]]:
    """Wait until all peers answer, then send heartbeats to them in turn, twenty a second; collect the milliseconds."""
    settings = load_settings(provider.config, provider.variables)
    skip = settings.require_skip()
    peers = [peer.known_as for peer in skip.peers.values()]
    runtime = build_runtime(settings)
    link = open_provider(runtime.services(), make_sender(skip, SystemClock(), system_random)).link
    trips: list[float] = []
    over = threading.Event()

    def beat() -> None:
        number = 0
        while not over.wait(0.05):
            number += 1
            trips.append(_round_trip(link, peers[number % len(peers)]))

    for peer in peers:
        eventually(partial(_is_there, link, peer), f"{peer} answers", seconds=60)
    thread = threading.Thread(target=beat)
    thread.start()
    try:
        yield trips
    finally:
        over.set()
        thread.join()
        runtime.close()


def _is_there(link: Link, peer: str) -> bool:
    return _round_trip(link, peer) < LOST_MS


def _round_trip(link: Link, peer: str) -> float:
    try:
        answer = link.heartbeat(peer, Heartbeat(), within=LOST_MS / 1000)
    except StrongroomError:
        return LOST_MS
    return answer.round_trip.total_seconds() * 1000


if __name__ == "__main__":
    main()
