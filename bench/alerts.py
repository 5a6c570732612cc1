"""`python -m bench.alerts`: how soon people hear, and whether anything is lost, with the real processes.

Four parts: the first message after a failing transaction; a thousand equal failures; the watcher killed between claim
and send; Beat, all workers, the broker, the catalog, or the leading watcher together with Beat gone, or a schedule of
which nothing comes. What people hear with is a webhook on loopback.
"""

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.alert_site import EVERY_MINUTE, MISSED_SECONDS, SILENT_SECONDS, AlertSite, alert_site
from tests.services.loud import Mood

GONE = {
    "beat": "beat.silent",
    "workers": "workers.silent",
    "broker": "broker.silent",
    "catalog": "catalog.down",
    "evaluator": "beat.silent",
}
SLACK_SECONDS = 60.0


def main() -> None:
    """Measure the parts that are asked for and print a line for each; ends with 1 when a goal is missed."""
    options = _options()
    parts: dict[str, Callable[[AlertSite], bool]] = {
        "first": lambda site: _first_messages(site, options.messages),
        "equal": lambda site: _equal(site, options.equal),
        "kills": lambda site: _kills(site, options.kills, options.seed),
        **{name: _trials(name, options.trials) for name in GONE},
        "schedule": lambda site: _schedules(site, options.trials),
    }
    wanted = options.only or list(parts)
    with tempfile.TemporaryDirectory(prefix="strongroom-bench-", dir=options.dir) as folder:
        results = [_run(Path(folder) / name, parts[name]) for name in wanted]
    raise SystemExit(0 if all(results) else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=["first", "equal", "kills", *GONE, "schedule"])
    parser.add_argument("--messages", type=int, default=200)
    parser.add_argument("--equal", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dir", type=Path, help="where the work folder goes; a short path, there are sockets in it")
    return parser.parse_args()


def _run(folder: Path, part: Callable[[AlertSite], bool]) -> bool:
    folder.mkdir()
    with alert_site(folder) as site:
        return part(site)


def _first_messages(site: AlertSite, count: int) -> bool:
    """Let jobs of as many sources fail a tenth of a second apart, and compare with what was heard when."""
    with site.watching():
        committed = {}
        for number in range(count):
            committed[site.fail(f"source-{number}")] = time.time()
            time.sleep(0.1)
        site.wait_until(lambda: committed.keys() <= site.heard_at().keys(), "every alert is heard", 60)
    heard = site.heard_at()
    delays = sorted(heard[alert] - at for alert, at in committed.items())
    p99 = delays[min(len(delays) - 1, int(len(delays) * 0.99))]
    median = statistics.median(delays)
    print(
        f"first message: {count} failures, median {median:.2f} s, p99 {p99:.2f} s, most {delays[-1]:.2f} s (goal 10 s)"
    )
    return p99 <= 10


def _equal(site: AlertSite, count: int) -> bool:
    """Let jobs of one source fail in four threads."""
    with site.watching():
        with ThreadPoolExecutor(4) as pool:
            alerts = set(pool.map(lambda _: site.fail("shop"), range(count)))
        site.wait_until(lambda: bool(site.ear.heard), "it is heard", 30)
        time.sleep(5)
    counted = site.value("SELECT max(count) FROM alert")
    heard = len(site.ear.heard)
    print(f"{count} equal failures: {len(alerts)} alert, counted {counted}, {heard} first message (goal 1, 1)")
    return len(alerts) == 1 and counted == count and len(site.ear.heard) == 1


def _kills(site: AlertSite, count: int, seed: int) -> bool:
    """Kill the watcher whenever it has claimed a delivery, before or while it is sent; then let it work in peace."""
    chance = random.Random(seed)
    alerts, between = set(), 0
    for number in range(count):
        site.ear.mood = chance.choice([Mood.HANGS, Mood.HANGS, Mood.SLAMS, Mood.WELL])
        watcher = site.start_watcher()
        alerts.add(site.fail(f"source-{number}"))
        site.wait_until(lambda: site.claimed() > 0, "a delivery is claimed", 60, every=0.002)
        time.sleep(chance.choice([0.0, 0.0, 0.002, 0.01, 0.05]))
        watcher.kill()
        between += site.waiting() > 0
        # As if the lease of the one that died had run out.
        site.execute("UPDATE alert_delivery SET due_at = now() WHERE state = 'waiting'")
        site.execute("UPDATE watch_lease SET until = now()")
    site.ear.mood = Mood.WELL
    with site.watching():
        site.wait_until(
            lambda: site.value("SELECT count(*) FROM alert_delivery WHERE state = 'waiting'") == 0, "all", 90
        )
    lost = alerts - site.heard_at().keys()
    print(f"{count} kills between claim and send ({between} with a claim unanswered): {len(lost)} alerts lost (goal 0)")
    return not lost


def _trials(name: str, count: int) -> Callable[[AlertSite], bool]:
    def run(site: AlertSite) -> bool:
        with site.serving(watchers=2 if name == "evaluator" else 1):
            delays = [_trial(site, name) for _ in range(count)]
        most = SILENT_SECONDS + SLACK_SECONDS
        listed = ", ".join(f"{delay:.0f}" for delay in delays)
        print(f"{name} gone, {count} trials: alert after {listed} s (goal grace {SILENT_SECONDS} s + 60 s)")
        return max(delays) <= most

    return run


def _trial(site: AlertSite, name: str) -> float:
    site.wait_until(site.is_well, "everything gives signs of life", 120)
    site.forget()
    cause = GONE[name]
    before = len(site.heard_causes(cause))
    began = time.time()
    site.take_away(name)
    site.wait_until(lambda: len(site.heard_causes(cause)) > before, f"{cause} is heard", 240)
    delay = site.heard_causes(cause)[before] - began
    site.give_back(name)
    site.wait_until(lambda: site.is_cleared(cause), f"{cause} is cleared", 120)
    return delay


def _schedules(site: AlertSite, count: int) -> bool:
    """Have Beat and workers live, and nothing ask for the backup that is due every minute."""
    cause, delays = "level.missed", []
    with site.serving(more=EVERY_MINUTE):
        for _ in range(count):
            site.wait_until(lambda: bool(site.value("SELECT count(*) FROM expected_run")), "it is expected", 60)
            due = site.value("SELECT extract(epoch FROM due_at) FROM expected_run")
            site.ear.heard.clear()
            site.wait_until(lambda: bool(site.heard_causes(cause)), f"{cause} is heard", 240)
            delays.append(site.heard_causes(cause)[0] - float(due))
            site.execute("DELETE FROM expected_run")
            site.forget()
    listed = ", ".join(f"{delay:.0f}" for delay in delays)
    print(f"a schedule stopped, {count} trials: alert after {listed} s (goal grace {MISSED_SECONDS} s + 60 s)")
    return max(delays) <= MISSED_SECONDS + SLACK_SECONDS


if __name__ == "__main__":
    main()
