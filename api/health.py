"""Whether the process lives, and whether it can work. The only routes without a token; they tell nothing else."""

from fastapi import APIRouter, Response
from sqlalchemy import text

from api.desk import AtDesk
from api.documents import HealthDocument
from strongroom.errors import UnavailableError

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live")
async def live() -> HealthDocument:
    """Answer without looking at anything: a database that is away is no reason to restart this process."""
    return HealthDocument(status="pass")


@router.get("/ready", responses={503: {"model": HealthDocument}})
def ready(desk: AtDesk, response: Response) -> HealthDocument:
    """Say whether the catalog answers. The broker is not asked: without it, requests are accepted all the same."""
    try:
        with desk.services.catalog.read() as session:
            session.execute(text("SELECT 1"))
    except UnavailableError:
        response.status_code = 503
        return HealthDocument(status="fail")
    return HealthDocument(status="pass")
