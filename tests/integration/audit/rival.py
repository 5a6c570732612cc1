"""A process that changes things, spends step-ups and has both written down, at the same time as others."""

from pathlib import Path
from typing import Any

from strongroom.audit.acting import Actor, acting
from strongroom.audit.events import AuditEvent
from strongroom.audit.recording import record
from strongroom.clock import SystemClock
from strongroom.keyring.key_file import KeyFile
from strongroom.keyring.local import LocalKekProvider
from strongroom.runtime import open_catalog
from strongroom.settings import load_settings
from strongroom.stepup.acts import Act
from strongroom.stepup.challenges import ask
from strongroom.stepup.confirming import confirm
from strongroom.stepup.errors import StepUpRefusedError
from strongroom.stepup.spending import permitted
from tests.integration.audit.writing import CHANGE, Log
from tests.integration.stepup.conftest import Room, operator

ANNA = operator("anna")
ACTOR = Actor.of(ANNA, "POST /v1/restores")
ACT = Act("restore.overwrite", "shop", "latest:shop")


def open_log(url: str, keys: Path) -> Log:
    """Open the log as a new process does."""
    catalog, purpose_keys = open_catalog(url, {"eu": LocalKekProvider(KeyFile(keys), "eu")}, SystemClock())
    return Log(catalog, purpose_keys)


def open_room(log: Log, settings: Path) -> Room:
    """Open the step-ups of a log's catalog."""
    return Room(log.catalog, load_settings(settings, {}))


def confirmed(room: Room, code: str) -> str:
    """Return a step-up that permits the act once."""
    challenge = str(ask(room.means, ANNA, ACT).id)
    confirm(room.means, ANNA, challenge, code=f"anna {code}", typed=ACT.target)
    return challenge


def append_many(start: Any, place: tuple[str, Path, Path], number: int, each: int, contested: str) -> None:
    """Change something `each` times: in turn alone, with a step-up of one's own, and not at all in the end.

    All processes try to spend the contested step-up; whoever did writes that down.
    """
    log = open_log(*place[:2])
    room = open_room(log, place[2])
    start.wait()
    for turn in range(each):
        with acting(ACTOR):
            match turn % 3:
                case 0:
                    change(log, f"{number}-{turn}", fails=False)
                case 1:
                    with permitted(room.means, ANNA, ACT, confirmed(room, f"{number} {turn}")):
                        change(log, f"{number}-{turn}", fails=False)
                case _:
                    change(log, f"{number}-{turn}", fails=True)
    spend(room, log, contested)
    log.catalog.close()


def change(log: Log, name: str, *, fails: bool) -> None:
    """Change something and say so; where it fails, neither remains."""
    try:
        with log.catalog.begin() as session:
            session.execute(CHANGE, {"source": name})
            record(session, AuditEvent("user_updated", name))
            if fails:
                raise LookupError
    except LookupError:
        assert fails


def spend(room: Room, log: Log, contested: str) -> None:
    """Try to do what only one of all may do."""
    try:
        with acting(ACTOR), permitted(room.means, ANNA, ACT, contested), log.catalog.begin() as session:
            record(session, AuditEvent("restore.overwrite", "contested"))
    except StepUpRefusedError:
        return
