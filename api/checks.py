"""What a process needs to do its work: asked at most every two seconds, and each part for half a second."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import FastAPI

from api.sessions.redis_sessions import RedisSessionManager
from strongroom.catalog.schema import verify_schema
from strongroom.clock import Clock
from strongroom.errors import StrongroomError
from strongroom.runtime import Runtime

SECONDS_A_PART = 0.5
SECONDS_KEPT = 2.0
CATALOG = "catalog"


class Health(StrEnum):
    """How a part is, and the whole: as health+json calls it."""

    PASS = "pass"  # noqa: S105 -- a word of health+json, not a password
    WARN = "warn"
    FAIL = "fail"


Ask = Callable[[], object]
"""Returns if the part works; raises StrongroomError."""


@dataclass(frozen=True, slots=True)
class Part:
    """Something that a process needs; without one that is critical it can do nothing."""

    name: str
    ask: Ask | Callable[[], Awaitable[object]]
    critical: bool = False


@dataclass(frozen=True, slots=True)
class Checkup:
    """How everything was when it was looked at."""

    parts: Mapping[str, Health]

    @property
    def health(self) -> Health:
        """Return how the whole is: fail where something critical does, warn where anything does."""
        if Health.FAIL in self.parts.values():
            return Health.FAIL
        return Health.WARN if Health.WARN in self.parts.values() else Health.PASS


class Checks:
    """Looks at all parts at once; those who ask within two seconds share what was found."""

    def __init__(self, parts: Sequence[Part], clock: Clock) -> None:
        self._parts = parts
        self._clock = clock
        self._turn = asyncio.Lock()
        self._last: tuple[float, Checkup] | None = None
        self._began_well = False
        # Of their own: they wait for no other work of the process.
        self._threads = CapacityLimiter(len(parts) or 1)
        self._hanging: set[str] = set()

    async def look(self) -> Checkup:
        """Return how everything is."""
        async with self._turn:
            now = self._clock.monotonic()
            if self._last is None or now - self._last[0] >= SECONDS_KEPT:
                found = await asyncio.gather(*(self._ask(part) for part in self._parts))
                names = (part.name for part in self._parts)
                self._last = self._clock.monotonic(), Checkup(dict(zip(names, found, strict=True)))
            return self._last[1]

    async def has_begun(self) -> bool:
        """Say whether the process could do its work once; then it has begun, whatever fails later."""
        self._began_well = self._began_well or (await self.look()).health is not Health.FAIL
        return self._began_well

    async def _ask(self, part: Part) -> Health:
        try:
            async with asyncio.timeout(SECONDS_A_PART):
                await self._answer(part)
        except (StrongroomError, TimeoutError):
            return Health.FAIL if part.critical else Health.WARN
        return Health.PASS

    async def _answer(self, part: Part) -> None:
        if asyncio.iscoroutinefunction(part.ask):
            await part.ask()
        else:
            await run_sync(self._ask_once, part, abandon_on_cancel=True, limiter=self._threads)

    def _ask_once(self, part: Part) -> None:
        # What hangs keeps the thread it has, and is given no other.
        if part.name in self._hanging:
            raise TimeoutError
        self._hanging.add(part.name)
        try:
            part.ask()
        finally:
            self._hanging.discard(part.name)


def parts_of(runtime: Runtime, sessions: RedisSessionManager, ask_broker: Ask | None) -> list[Part]:
    """Return what the API needs. Without a broker or Redis requests are still accepted: jobs wait in the ledger."""
    parts = [
        Part(CATALOG, lambda: _ask_catalog(runtime), critical=True),
        Part("schema", lambda: verify_schema(runtime.catalog.engine), critical=True),
        Part("redis", sessions.verify),
        Part("keyring", lambda: _ask_keyring(runtime)),
    ]
    return parts if ask_broker is None else [*parts, Part("broker", ask_broker)]


def open_checks(app: FastAPI, runtime: Runtime, sessions: RedisSessionManager, ask_broker: Ask | None) -> None:
    """Have an application know what it needs."""
    app.state.checks = Checks(parts_of(runtime, sessions, ask_broker), runtime.clock)


def _ask_keyring(runtime: Runtime) -> None:
    # Looked up here, as that opens the provider.
    runtime.keks[runtime.settings.home.name].current_version()


def _ask_catalog(runtime: Runtime) -> None:
    with runtime.catalog.read() as session:
        session.connection().exec_driver_sql("SELECT 1")
