"""When sources are backed up, and drilled, by themselves."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query

from api.desk import AtDesk
from api.documents import ScheduleDocument
from strongroom.backup.schedule import ScheduleStatus, schedules
from strongroom.drills.schedule import DrillTimes, drill_times

router = APIRouter(prefix="/schedules", tags=["schedules"])


@router.get("")
def show_schedules(desk: AtDesk, count: Annotated[int, Query(ge=1, le=100)] = 1) -> list[ScheduleDocument]:
    """List every source's schedule with its next runs, of backups and of drills."""
    drills = drill_times(desk.services, count=count)
    return [_document(status, drills.get(status.source)) for status in schedules(desk.services, count=count)]


def _document(status: ScheduleStatus, drill: DrillTimes | None) -> ScheduleDocument:
    return ScheduleDocument.model_validate(asdict(status) | {"drill": drill})
