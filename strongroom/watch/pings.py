"""Telling an address outside, compatible with healthchecks, that backups run and that the watcher lives.

Paths: `/start`, the address itself for success, `/fail`, `/EXIT-STATUS` and `/log`; `rid` is the job's id. What was
told is kept, and compared with what is to be told, so that nothing is told twice in a row or left out for good.
"""

import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from strongroom.alerts.http import HttpClient, Request
from strongroom.catalog.jobs import FINAL_STATES, Job, JobState
from strongroom.catalog.session import Catalog
from strongroom.catalog.watching import SourcePing
from strongroom.errors import StrongroomError
from strongroom.jobs.kinds import JobKind
from strongroom.settings.channels import PingSettings

log = logging.getLogger(__name__)

EVALUATOR_EVERY_SECONDS = 60.0
REST_SECONDS = 30.0
"""How long an address that does not answer is left alone."""


@dataclass(frozen=True, slots=True)
class Ping:
    """One thing to tell an address: the end of its path, which run it is about, and a line of text."""

    name: str
    ending: str
    job_id: uuid.UUID | None = None
    ended: bool = False
    text: str = ""


class Pinger:
    """Sends pings; one address that fails keeps no other."""

    def __init__(self, pings: Mapping[str, PingSettings], client: HttpClient, env: Mapping[str, str]) -> None:
        self._pings = pings
        self._client = client
        self._env = env
        self._resting: dict[str, float] = {}
        self._evaluated = float("-inf")

    def plan(self, session: Session, seconds: float) -> list[Ping]:
        """Return what is to be told about the newest backup of each source; `seconds` is a clock that only grows."""
        planned = [_plan(session, ping) for ping in self._pings.values() if ping.source is not None]
        return [ping for ping in planned if ping is not None and self._resting.get(ping.name, 0.0) <= seconds]

    def plan_evaluator(self, seconds: float, *, well: bool) -> list[Ping]:
        """Return what is to be told about the watcher itself, once a minute."""
        if seconds - self._evaluated < EVALUATOR_EVERY_SECONDS:
            return []
        self._evaluated = seconds
        return [Ping(name, "" if well else "/fail") for name, ping in self._pings.items() if ping.source is None]

    def send(self, ping: Ping, seconds: float) -> bool:
        """Send a ping and say whether it was taken."""
        try:
            url = self._pings[ping.name].url.read(self._env).get_secret_value()
            self._client.send(Request(address(url, ping), ping.text.encode()[:10_000]))
        except StrongroomError as error:
            log.warning("ping %s: %s", ping.name, error.what)
            self._resting[ping.name] = seconds + REST_SECONDS
            return False
        return True


def address(url: str, ping: Ping) -> str:
    """Return the address with the ending of its path, and the run it is about."""
    parts = urlsplit(url)
    query = "&".join(part for part in (parts.query, f"rid={ping.job_id}" if ping.job_id else "") if part)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + ping.ending, query=query))


def note_told(catalog: Catalog, ping: Ping) -> None:
    """Keep what an address was told about a run."""
    if ping.job_id is not None:
        with catalog.begin() as session:
            session.merge(SourcePing(source=ping.name, job_id=ping.job_id, ended=ping.ended))


def _plan(session: Session, settings: PingSettings) -> Ping | None:
    query = select(Job).where(
        Job.source == settings.source, Job.kind == JobKind.BACKUP_RUN, Job.started_at.is_not(None)
    )
    job = session.scalars(query.order_by(Job.id.desc()).limit(1)).first()
    told = session.get(SourcePing, settings.name)
    if job is None or (told is not None and told.job_id == job.id and (told.ended or job.state not in FINAL_STATES)):
        return None
    if job.state not in FINAL_STATES:
        return Ping(settings.name, "/start", job.id)
    return Ping(settings.name, _ending(job), job.id, ended=True, text=_text(job))


def _ending(job: Job) -> str:
    if job.state is JobState.SUCCEEDED:
        return ""
    if job.state is JobState.CANCELLED:
        return "/log"
    status = (job.last_error or {}).get("exit_code")
    return f"/{status}" if isinstance(status, int) and 0 < status < 256 else "/fail"


def _text(job: Job) -> str:
    error = job.last_error if job.state in (JobState.FAILED, JobState.DEAD) else None
    return f"{job.state.value}: {error.get('message', '')}" if error else job.state.value
