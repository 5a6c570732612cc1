"""What the routes work with: the services of the process and its way to the broker."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import BackgroundTasks, Depends, Header, Query, Request, Response

from api.documents import BatchDocument, JobDocument
from strongroom.catalog.jobs import Job
from strongroom.catalog.paging import MAX_LIMIT
from strongroom.jobs.outbox import Publish, publish_one, publish_these
from strongroom.services import Services

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=160,
        pattern=r"^[\x21-\x7e]+$",
        description="The same key with the same request always means the same job.",
    ),
]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Most rows to return.")]
Cursor = Annotated[str | None, Query(description="`next_cursor` of the page before.")]


@dataclass(frozen=True, slots=True)
class Desk:
    """The services, and how a job that was just written is handed to the broker."""

    services: Services
    publish: Publish

    def accept(self, job: Job, response: Response, background: BackgroundTasks) -> JobDocument:
        """Answer with the job and where to follow it, and hand it over after the answer is sent.

        The hand-over is a hint: with a broker that is away the job waits in the ledger, and the answer is the same.
        """
        response.headers["Location"] = f"/v1/jobs/{job.id}"
        background.add_task(publish_one, self.services.ledger, self.publish, job.id)
        return JobDocument.model_validate(job)

    def accept_many(self, job_ids: Sequence[uuid.UUID], background: BackgroundTasks) -> BatchDocument:
        """Answer with the ids of the jobs, and hand them over after the answer is sent."""
        background.add_task(publish_these, self.services.ledger, self.publish, job_ids)
        return BatchDocument(jobs=list(job_ids))


async def get_desk(request: Request) -> Desk:
    """Return the desk of the application."""
    desk: Desk = request.app.state.desk
    return desk


AtDesk = Annotated[Desk, Depends(get_desk)]
