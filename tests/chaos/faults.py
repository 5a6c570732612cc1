"""What goes wrong: each fault is struck at once and, where it has to be mended, mended a little later by a thread."""

import random
import signal
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from tests.chaos.installation import REGIONS, WORKERS, Installation
from tests.chaos.processes import children_of, end_group, send

Strike = Callable[["Weather"], bool]
"""Does something, and says whether it did: a part that is broken already is left alone."""


@dataclass
class Weather:
    """The storm's hands: one installation, one source of chance, and what is broken at the moment."""

    site: Installation
    chance: random.Random
    _broken: dict[str, threading.Lock] = field(default_factory=dict)
    _menders: list[threading.Thread] = field(default_factory=list)
    _frozen: set[int] = field(default_factory=set)

    def while_broken(self, part: str, seconds: float, mend: Callable[[], object]) -> None:
        """Have a part mended after some seconds."""

        def later() -> None:
            time.sleep(seconds)
            try:
                mend()
            finally:
                self._broken[part].release()

        thread = threading.Thread(target=later, daemon=True)
        self._menders.append(thread)
        thread.start()

    def takes(self, part: str) -> bool:
        """Take a part to break it; False while it is broken already."""
        return self._broken.setdefault(part, threading.Lock()).acquire(blocking=False)

    def gives(self, part: str) -> None:
        """Give a part back that needs no mending."""
        self._broken[part].release()

    def clear(self) -> None:
        """Wait until everything is mended."""
        for thread in self._menders:
            thread.join()

    def seconds(self, least: float, most: float) -> float:
        """Return a length of time."""
        return self.chance.uniform(least, most)

    def pool_process(self) -> list[int]:
        """Return a process of a pool, if possible one that works on a job at this moment."""
        keeper = self.site.keeper
        pools = [pid for name in WORKERS for pid in keeper.children(name) if pid not in self._frozen]
        busy = [pid for pid in self._holders() if pid in pools]
        return [self.chance.choice(busy or pools)] if pools else []

    def _holders(self) -> list[int]:
        """Return the processes that hold leases, as the catalog says; nobody while it is away."""
        try:
            with self.site.postgres.connect("catalog") as connection:
                rows = connection.execute("SELECT lease_owner FROM job WHERE state = 'running' ORDER BY id").fetchall()
        except psycopg.Error:
            return []
        return [int(owner.rpartition(":")[2]) for (owner,) in rows]

    def worker(self) -> str:
        """Return the name of a worker, if possible one without a frozen process: those are to wake up again."""
        whole = [name for name in WORKERS if self._frozen.isdisjoint(self.site.keeper.family(name))]
        return self.chance.choice(whole or list(WORKERS))

    def freeze(self, pids: list[int], seconds: float) -> bool:
        """SIGSTOP processes, and let them go on after some seconds."""
        part = f"frozen {pids[0]}"
        if not self.takes(part):
            return False
        self._frozen.update(pids)
        struck = send(pids, signal.SIGSTOP)
        self.while_broken(part, seconds, lambda: self._thaw(pids))
        return struck

    def _thaw(self, pids: list[int]) -> None:
        send(pids, signal.SIGCONT)
        self._frozen.difference_update(pids)


def kill_pool_process(weather: Weather) -> bool:
    """SIGKILL a process that may be working on a job."""
    return send(weather.pool_process(), signal.SIGKILL)


def freeze_pool_process(weather: Weather) -> bool:
    """SIGSTOP a process, mostly for so long that another one has its job when it wakes up and wants to go on."""
    pool_process = weather.pool_process()
    return bool(pool_process) and weather.freeze(pool_process, weather.seconds(4, 30))


def kill_worker(weather: Weather) -> bool:
    """SIGKILL a worker's main process; its pool goes with it or notices."""
    return send([weather.site.keeper.pid(weather.worker())], signal.SIGKILL)


def kill_worker_and_pool(weather: Weather) -> bool:
    """SIGKILL a whole worker, as a power cut does."""
    return send(weather.site.keeper.family(weather.worker()), signal.SIGKILL)


def end_worker(weather: Weather) -> bool:
    """SIGTERM, as a deploy does."""
    return send([weather.site.keeper.pid(weather.worker())], signal.SIGTERM)


def quit_worker(weather: Weather) -> bool:
    """SIGQUIT: a cold shutdown."""
    return send([weather.site.keeper.pid(weather.worker())], signal.SIGQUIT)


def freeze_worker(weather: Weather) -> bool:
    """SIGSTOP a whole worker."""
    return weather.freeze(weather.site.keeper.family(weather.worker()), weather.seconds(2, 20))


def kill_sweeper(weather: Weather) -> bool:
    """SIGKILL the worker that sweeps and hands jobs over."""
    return send(weather.site.keeper.family("control"), signal.SIGKILL)


def kill_beat(weather: Weather) -> bool:
    """SIGKILL the scheduler."""
    return send([weather.site.keeper.pid("beat")], signal.SIGKILL)


def freeze_beat(weather: Weather) -> bool:
    """SIGSTOP the scheduler."""
    return weather.freeze(weather.site.keeper.family("beat"), weather.seconds(2, 20))


def double_beat(weather: Weather) -> bool:
    """Run a second scheduler for a while."""
    if not weather.takes("second beat"):
        return False
    second = weather.site.keeper.launch("beat")
    weather.while_broken("second beat", weather.seconds(6, 12), lambda: end_group(second))
    return True


def double_sweeper(weather: Weather) -> bool:
    """Run a second worker for ticks for a while."""
    if not weather.takes("second sweeper"):
        return False
    second = weather.site.keeper.launch("control")
    weather.while_broken("second sweeper", weather.seconds(6, 12), lambda: end_group(second))
    return True


def kill_broker(weather: Weather) -> bool:
    """SIGKILL the broker and start it again with what it had on disk."""
    if not weather.takes("broker"):
        return False
    weather.site.broker.kill()
    weather.while_broken("broker", weather.seconds(0.2, 4), weather.site.broker.start)
    return True


def stop_broker(weather: Weather) -> bool:
    """Stop the broker in order and start it again."""
    if not weather.takes("broker"):
        return False
    weather.site.broker.stop()
    weather.while_broken("broker", weather.seconds(0.2, 4), weather.site.broker.start)
    return True


def lose_broker(weather: Weather) -> bool:
    """Have the broker come back without anything it had."""
    if not weather.takes("broker"):
        return False
    weather.site.broker.kill()
    weather.site.broker.forget()
    weather.while_broken("broker", weather.seconds(0.2, 2), weather.site.broker.start)
    return True


def freeze_broker(weather: Weather) -> bool:
    """SIGSTOP the broker."""
    pid = weather.site.broker.pid
    if pid is None or not weather.takes("broker"):
        return False
    send([pid], signal.SIGSTOP)
    weather.while_broken("broker", weather.seconds(1, 8), lambda: send([pid], signal.SIGCONT))
    return True


def empty_broker(weather: Weather) -> bool:
    """Have every message be gone, and with Redis what was taken and not acknowledged too."""
    if not weather.takes("broker"):
        return False
    weather.site.broker.empty()
    weather.gives("broker")
    return True


def cut_broker(weather: Weather) -> bool:
    """Cut every connection to the broker."""
    if not weather.takes("broker"):
        return False
    weather.site.broker.cut()
    weather.gives("broker")
    return True


def restart_database(weather: Weather) -> bool:
    """Stop PostgreSQL in order, connections cut, and start it again: the catalog, and a source."""
    if not weather.takes("database"):
        return False
    weather.site.postgres.stop()
    weather.while_broken("database", weather.seconds(0.1, 3), weather.site.postgres.start)
    return True


def crash_database(weather: Weather) -> bool:
    """Stop PostgreSQL as a crash does and let it recover."""
    if not weather.takes("database"):
        return False
    weather.site.postgres.stop(immediate=True)
    weather.while_broken("database", weather.seconds(0.1, 3), weather.site.postgres.start)
    return True


def freeze_database(weather: Weather) -> bool:
    """SIGSTOP every process of PostgreSQL."""
    if not weather.takes("database"):
        return False
    main = int((weather.site.postgres.directory / "data/postmaster.pid").read_text().split()[0])
    frozen = [main, *children_of(main)]
    send(frozen, signal.SIGSTOP)
    weather.while_broken("database", weather.seconds(0.5, 5), lambda: send(frozen, signal.SIGCONT))
    return True


def cut_database(weather: Weather) -> bool:
    """Cut every connection to the catalog."""
    if not weather.takes("database"):
        return False
    try:
        with suppress(psycopg.Error), weather.site.postgres.connect() as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'catalog'")
    finally:
        weather.gives("database")
    return True


def take_region_away(weather: Weather) -> bool:
    """Have a region's directory vanish and come back."""
    region = weather.chance.choice(REGIONS)
    place = weather.site.directory / "regions" / region
    if not weather.takes(region):
        return False
    away = Path(f"{place}.away")
    place.rename(away)
    weather.while_broken(region, weather.seconds(0.2, 3), lambda: _bring_back(away, place))
    return True


FAULTS: Mapping[Strike, int] = {
    kill_pool_process: 20,
    freeze_pool_process: 26,
    kill_worker: 6,
    kill_worker_and_pool: 6,
    end_worker: 8,
    quit_worker: 6,
    freeze_worker: 8,
    kill_sweeper: 5,
    kill_beat: 5,
    freeze_beat: 3,
    double_beat: 2,
    double_sweeper: 2,
    kill_broker: 4,
    stop_broker: 3,
    lose_broker: 2,
    freeze_broker: 5,
    empty_broker: 6,
    cut_broker: 6,
    restart_database: 2,
    crash_database: 3,
    freeze_database: 4,
    cut_database: 8,
    take_region_away: 6,
}
"""Every fault with its weight."""


def _bring_back(away: Path, place: Path) -> None:
    if place.exists():
        raise AssertionError(f"somebody made the region {place.name} anew while it was away")
    away.rename(place)
