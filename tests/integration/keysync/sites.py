"""Two key providers on catalogs of their own, with a line between them that a test can cut."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from strongroom.clock import SystemClock
from strongroom.errors import UnavailableError
from strongroom.keyring.key_file import KeyFile
from strongroom.keysync.keeping import PskState
from strongroom.keysync.messages import Heartbeat, KeyItem, KeyVerdict, Profile, Sign
from strongroom.keysync.provider import Provider, open_provider
from strongroom.runtime import build_runtime
from strongroom.services import Services
from strongroom.settings import load_settings

BATCH = 6
CONFIGURATION = """
[regions.home]
path = "region"
[skip]
system_id = "{own}"
most_held = 60
[skip.peers.other]
system_id = "{other}"
url = "https://127.0.0.1:1"
low_water = 8
high_water = 20
batch = 6
"""


class Later(SystemClock):
    """The machine's clock, moved forward by hand."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead.total_seconds()


@dataclass(frozen=True)
class Answer:
    """What a peer answers."""

    verdicts: Sequence[KeyVerdict]
    sign: Sign
    offset: timedelta = timedelta()
    round_trip: timedelta = timedelta(milliseconds=1)


class LineDownError(UnavailableError):
    """The line was cut by the test."""

    code = "test.line_down"


class Line:
    """The way from one provider to the other: their protocol without its wire."""

    def __init__(self, clock: Later) -> None:
        self.clock = clock
        self.up, self.answers = True, True
        self.offset = timedelta()
        self.pushed: list[KeyItem] = []
        self.ends: dict[str, Provider] = {}
        self.services: dict[str, Services] = {}

    def sign(self, sender: str, psk_id: str = "p1", boot: int | None = None, seq: int | None = None) -> Sign:
        return Sign(sender, Profile.V2, psk_id, self.clock.now(), boot or self.ends[sender].store.boot(), seq)

    def other(self, peer: str) -> str:
        return next(name for name in self.ends if name != peer)

    @contextmanager
    def carried(self) -> Iterator[None]:
        if not self.up:
            raise LineDownError("The line is down.", next_step="Mend it.")
        yield
        if not self.answers:
            raise LineDownError("The answer was lost.", next_step="Mend it.")

    def push(self, peer: str, items: Sequence[KeyItem], within: float) -> Answer:
        with self.carried():
            assert len(items) <= BATCH
            self.pushed += items
            sign = self.sign(self.other(peer))
            verdicts = self.ends[peer].store.accept(sign, items, self.clock.now())
        return Answer(verdicts, self.sign(peer))

    def heartbeat(self, peer: str, heartbeat: Heartbeat, psk_id: str | None = None, within: float = 3.0) -> Answer:
        sender = self.other(peer)
        used = psk_id or next(psk.psk_id for psk in self.ends[sender].store.psks(peer) if psk.state == PskState.CURRENT)
        with self.carried():
            if used not in {psk.psk_id for psk in self.ends[peer].store.psks(sender)}:
                raise LineDownError("Nothing that was said under this secret is known.", next_step="Install it.")
            seq = self.ends[sender].store.next_seq(peer)
            self.ends[peer].store.heard(self.sign(sender, used, seq=seq), heartbeat, self.clock.now())
        return Answer((), self.sign(peer, used), self.offset)

    def exchange(self, peer: str, within: float) -> Answer:
        with self.carried():
            return Answer((), self.sign(peer))

    def void(self, peer: str, key_ids: Sequence[str] | None, within: float) -> None:
        with self.carried():
            self.ends[peer].store.void(self.sign(self.other(peer)), key_ids, self.clock.now())


@dataclass(frozen=True)
class Sites:
    """The two providers and the line; `a` is the one on the catalog that the test is about."""

    a: Provider
    b: Provider
    line: Line
    clock: Later

    def services(self, name: str) -> Services:
        return self.line.services[name]


def open_site(directory: Path, catalog_url: str, line: Line, own: str, other: str) -> Provider:
    """Open a provider in a directory; called again for another process of it."""
    directory.mkdir(exist_ok=True)
    config = directory / "strongroom.toml"
    config.write_text(CONFIGURATION.format(own=own, other=other))
    runtime = build_runtime(load_settings(config, {"STRONGROOM_CATALOG_URL": catalog_url}), clock=line.clock)
    if not (directory / "strongroom.keys").exists():
        KeyFile.create(directory / "strongroom.keys", ["home"])
    line.services[own] = runtime.services()
    return open_provider(line.services[own], lambda _: line)


@contextmanager
def open_sites(directory: Path, url_a: str, url_b: str) -> Iterator[Sites]:
    """Open A and B, with a shared secret installed on both."""
    clock = Later()
    line = Line(clock)
    with ExitStack() as opened:
        for own, other, url in (("A", "B", url_a), ("B", "A", url_b)):
            line.ends[own] = open_site(directory / own, url, line, own, other)
            opened.callback(line.ends[own].catalog.close)
            line.ends[own].psks.install(other, "p1", bytes(32))
        yield Sites(line.ends["A"], line.ends["B"], line, clock)
