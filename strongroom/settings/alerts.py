"""Settings of alerting as a whole, and of the watcher."""

from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from strongroom.settings.fields import HttpUrl, Section


def _network(text: str) -> str:
    try:
        ip_network(text)
    except ValueError:
        raise PydanticCustomError("network", "This is not a network such as 10.0.0.0/8.") from None
    return text


Network = Annotated[str, AfterValidator(_network)]


class AlertSettings(Section):
    """Who may be spoken to, and when silence is an alert."""

    private_networks: tuple[Network, ...] = Field(
        (),
        description="Private networks that channels and pings over HTTP may speak to; others are refused.",
        examples=[["10.0.0.0/8", "127.0.0.1/32"]],
    )
    page_url: HttpUrl | None = Field(
        None,
        description="Address under which people reach the API; messages link to it.",
        examples=["https://backup.example.com"],
    )
    runbook_url: HttpUrl | None = Field(
        None,
        description="Address under which people reach docs/runbook.md; messages link to the section of their cause.",
        examples=["https://wiki.example.com/strongroom/runbook"],
    )
    silent_seconds: int = Field(
        60,
        strict=True,
        ge=5,
        le=3600,
        description="Seconds after which silence of Beat, workers, broker or catalog alerts.",
    )
    missed_seconds: int = Field(
        900,
        strict=True,
        ge=1,
        le=86400,
        description="Least seconds after its time when a backup counts as missed.",
    )
