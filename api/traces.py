"""The route that tells the story of a trace."""

from collections.abc import Mapping
from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from api.desk import AtDesk
from api.gate import Caller
from strongroom.access.principals import Role
from strongroom.traces.chapters import EventKind
from strongroom.traces.story import tell_story

router = APIRouter(prefix="/traces", tags=["traces"])


class EventDocument(BaseModel):
    """One thing that happened."""

    model_config = ConfigDict(from_attributes=True)

    at: datetime
    kind: EventKind
    what: str
    about: Mapping[str, str]


class TraceDocument(BaseModel):
    """Everything that is kept of one trace, oldest first."""

    model_config = ConfigDict(from_attributes=True)

    trace_id: str
    request_ids: tuple[str, ...]
    events: tuple[EventDocument, ...]


@router.get("/{trace_id}")
def show_trace(desk: AtDesk, caller: Caller, trace_id: str) -> TraceDocument:
    """Tell what came of a request, named by its trace id or its request id; admins see rows of the audit log too."""
    with desk.services.catalog.read() as session:
        story = tell_story(session, trace_id, with_audit=caller.role is Role.ADMIN)
    return TraceDocument.model_validate(story)
