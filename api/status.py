"""The one-screen answer, and the description of the API itself."""

from typing import Any

from fastapi import APIRouter, Request

from api.desk import AtDesk
from api.status_documents import StatusDocument
from strongroom.levels.status import status

router = APIRouter(tags=["status"])


@router.get("/v1/status")
def show_status(desk: AtDesk) -> StatusDocument:
    """Say how well every source is protected and which processes are alive."""
    return StatusDocument.model_validate(status(desk.services))


@router.get("/openapi.json", include_in_schema=False)
def show_openapi(request: Request) -> dict[str, Any]:
    """Describe the API."""
    description: dict[str, Any] = request.app.openapi()
    return description
