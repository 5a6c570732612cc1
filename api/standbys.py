"""What was seen last of PostgreSQL standbys."""

from fastapi import APIRouter

from api.desk import AtDesk
from api.status_documents import StandbyDocument
from strongroom.catalog.standbys import list_standby_states

router = APIRouter(prefix="/standbys", tags=["standbys"])


@router.get("")
def show_standbys(desk: AtDesk) -> list[StandbyDocument]:
    """List every pair of primary and standby as the last look found it."""
    with desk.services.catalog.read() as session:
        return [StandbyDocument.model_validate(state) for state in list_standby_states(session)]
