"""Routes about the channels of alerts."""

from fastapi import APIRouter

from api.alert_documents import ChannelDocument, ChannelTestDocument
from api.desk import AtDesk
from strongroom.alerts.channel_status import list_channels
from strongroom.alerts.sending import Sender
from strongroom.alerts.trying import try_channel
from strongroom.settings import process_environment

router = APIRouter(prefix="/alert-channels", tags=["alerts"])


@router.get("")
def show_channels(desk: AtDesk) -> list[ChannelDocument]:
    """List the channels and how each has done lately."""
    with desk.services.catalog.read() as session:
        return [ChannelDocument.model_validate(row) for row in list_channels(session, desk.services.settings)]


@router.post("/{name}/test")
def test_channel(desk: AtDesk, name: str) -> ChannelTestDocument:
    """Send a test through a channel now and say whether it was taken.

    The API has to know the channel's secret for that, as the watcher does.
    """
    sender = Sender(desk.services.settings, process_environment(), desk.services.clock)
    return ChannelTestDocument.model_validate(try_channel(sender, name))
