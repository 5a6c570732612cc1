"""The sources that are configured."""

from fastapi import APIRouter

from api.desk import AtDesk
from api.documents import SourceDocument
from strongroom.settings import Settings, SourceSettings, TreeSourceSettings

router = APIRouter(prefix="/sources", tags=["sources"])


@router.get("")
def show_sources(desk: AtDesk) -> list[SourceDocument]:
    """List the sources."""
    settings = desk.services.settings
    return [_describe(settings, source) for source in settings.sources.values()]


def _describe(settings: Settings, source: SourceSettings) -> SourceDocument:
    return SourceDocument(
        name=source.name,
        kind=source.kind,
        location=_location(source),
        policy=source.policy,
        retention_days=settings.policies[source.policy].retention_days,
        regions=list(settings.regions_of(source.policy)),
    )


def _location(source: SourceSettings) -> str:
    if isinstance(source, TreeSourceSettings):
        return str(source.path)
    return source.place
