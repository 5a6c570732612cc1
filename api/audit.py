"""Routes about the audit log: who did what, and whether that is still what was written."""

import uuid
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime, BaseModel, Field

from api.bodies import Body
from api.desk import AtDesk, Cursor, Desk, Limit
from api.gate import Caller
from api.step_up import AtPermits
from strongroom.audit.breaks import accept
from strongroom.audit.events import LOG_ITSELF, AuditAction, AuditEvent, Outcome
from strongroom.audit.reporting import audit_document, check_document, lost_document
from strongroom.audit.verifying import AuditLog
from strongroom.catalog.audit import LONGEST_TARGET, AuditFilter, list_audit
from strongroom.stepup.acts import Act

router = APIRouter(prefix="/audit", tags=["audit"])

BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)
Word = Annotated[str | None, Query(max_length=LONGEST_TARGET)]


class AuditRowDocument(BaseModel):
    """One thing somebody did, or was refused."""

    sequence: int
    at: datetime
    actor_kind: str
    actor_id: str
    actor_name: str
    address: str
    operation: str
    action: str
    target: str
    outcome: Outcome
    reason: str
    request_id: str
    trace_id: str
    before_digest: str
    after_digest: str
    mac: str


class AuditPage(BaseModel):
    """Some rows, newest first."""

    items: list[AuditRowDocument]
    next_cursor: str | None


class FlawDocument(BaseModel):
    """The first thing that is wrong."""

    flaw: str
    sequence: int
    region: str | None
    message: str


class KeptHeadDocument(BaseModel):
    """How far the audit log was when a region last kept its head."""

    region: str
    answers: bool
    kept_sequence: int | None
    kept_on: str | None
    other_chains: int


class LostHeadDocument(BaseModel):
    """An end of the audit log that a region has kept, and that the catalog does not have."""

    head: str
    sequence: int
    mac: str


class AcceptedDocument(BaseModel):
    """A break that somebody has accepted, and the row that says so."""

    row: int
    at: datetime
    by: str
    reason: str
    lost: LostHeadDocument


class AcceptanceBody(Body):
    """Which end of the log is gone, and why."""

    head: Annotated[str, Field(min_length=1, max_length=64, description="As the verification names the newest one.")]
    reason: Annotated[str, Field(min_length=1, max_length=300)]


class AcceptancesDocument(BaseModel):
    """The ends of the log that were accepted as gone."""

    items: list[LostHeadDocument]


class VerificationDocument(BaseModel):
    """What a check has looked at; `broken` is null where nothing is wrong."""

    chain: uuid.UUID | None
    sequence: int
    mac: str | None
    rows_checked: int
    broken: FlawDocument | None
    lost: list[LostHeadDocument]
    accepted: list[AcceptedDocument]
    regions: list[KeptHeadDocument]
    strays: list[str]


def read_filter(
    since: Annotated[AwareDatetime | None, Query(description="Rows from then on.", ge=BEFORE_ALL)] = None,
    actor: Annotated[str | None, Query(max_length=120, description="Id or name of who did it.")] = None,
    action: Word = None,
    target: Word = None,
    outcome: Outcome | None = None,
) -> AuditFilter:
    """Return which rows a request wants."""
    return AuditFilter(actor, action, target, outcome, since=since)


async def note_reading(request: Request, wanted: Annotated[AuditFilter, Depends(read_filter)]) -> None:
    """Have it written down who reads: counted with others of its kind, as whoever pages through asks often."""
    request.app.state.refusals.add(AuditEvent(AuditAction.SENSITIVE_READ, LOG_ITSELF, reason=wanted.words))


@router.get("", dependencies=[Depends(note_reading)])
def show_audit(
    desk: AtDesk,
    wanted: Annotated[AuditFilter, Depends(read_filter)],
    request_id: Word = None,
    trace_id: Word = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> AuditPage:
    """List what was done and refused, newest first."""
    wanted = wanted.about(request_id=request_id, trace_id=trace_id)
    with desk.services.catalog.read() as session:
        page = list_audit(session, wanted, limit=limit, cursor=cursor)
    items = [AuditRowDocument.model_validate(audit_document(row)) for row in page.items]
    return AuditPage(items=items, next_cursor=page.next_cursor)


@router.get("/verification")
def check_new_rows(desk: AtDesk) -> VerificationDocument:
    """Check the rows that came after the newest head that regions have kept, and compare that with them."""
    return VerificationDocument.model_validate(check_document(_log_of(desk).check_new()))


@router.post("/acceptances", status_code=201)
def accept_break(desk: AtDesk, body: AcceptanceBody, caller: Caller, permits: AtPermits) -> AcceptancesDocument:
    """Accept that rows are gone, as after an older catalog was put back; checks the whole log first."""
    log = _log_of(desk)
    with permits.permit(Act("audit.accept", body.head)):
        lost = accept(log, desk.services.clock, body.head, reason=body.reason, by=caller.signature)
    return AcceptancesDocument.model_validate({"items": [lost_document(one) for one in lost]})


def _log_of(desk: Desk) -> AuditLog:
    services = desk.services
    return AuditLog(services.catalog, services.purpose_keys, services.stores)
