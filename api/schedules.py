"""When sources are backed up by themselves."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.desk import AtDesk
from api.documents import ScheduleDocument
from strongroom.backup.schedule import schedules

router = APIRouter(prefix="/schedules", tags=["schedules"])


@router.get("")
def show_schedules(desk: AtDesk, count: Annotated[int, Query(ge=1, le=100)] = 1) -> list[ScheduleDocument]:
    """List every source's schedule with its next runs."""
    return [ScheduleDocument.model_validate(status) for status in schedules(desk.services, count=count)]
