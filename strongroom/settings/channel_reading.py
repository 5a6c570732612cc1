"""Reads the tables of channels and of pings."""

from collections.abc import Collection, Mapping
from typing import Any

from strongroom.settings.channels import (
    CHANNEL_KINDS,
    ChannelSettings,
    EmailChannelSettings,
    PingSettings,
)
from strongroom.settings.fields import Section
from strongroom.settings.findings import Findings, suggest

NEEDED = {
    "slack": "url",
    "sms": "token",
    "call": "token",
    "pagerduty": "routing_key",
    "webhook": "secret",
    "apprise": "url",
}
"""The secret that a kind of channel cannot do without."""


def read_channels(tables: Mapping[str, dict[str, Any]], findings: Findings) -> dict[str, ChannelSettings]:
    """Return the channels in the order of the file, and note what is wrong with them."""
    read = [_channel(name, table, findings) for name, table in tables.items()]
    return {channel.name: channel for channel in read if channel}


def read_pings(
    tables: Mapping[str, dict[str, Any]], sources: Collection[str], findings: Findings
) -> dict[str, PingSettings]:
    """Return the pings, and note what is wrong with them."""
    pings = {}
    for name, table in tables.items():
        path = ("pings", name)
        ping = findings.check(PingSettings, table | {"name": name}, path)
        if ping is None:
            continue
        _check_secret(ping, "url", path, findings)
        if ping.source is not None and ping.source not in sources:
            what = f"There is no source {ping.source}."
            findings.add((*path, "source"), what, suggest(ping.source, sources, "Sources"))
        pings[name] = ping
    return pings


def _channel(name: str, table: dict[str, Any], findings: Findings) -> ChannelSettings | None:
    path = ("channels", name)
    model = CHANNEL_KINDS.get(str(table.get("kind")))
    if model is None:
        what = "This is not a kind of channel." if "kind" in table else "The kind of channel is missing."
        findings.add((*path, "kind"), what, f"Kinds: {', '.join(CHANNEL_KINDS)}.")
        return None
    channel = findings.check(model, table | {"name": name}, path)
    if channel is not None and channel.kind in NEEDED:
        _check_secret(channel, NEEDED[channel.kind], path, findings)
    if isinstance(channel, EmailChannelSettings):
        _check_mail(channel, path, findings)
    return channel


def _check_secret(section: Section, secret: str, path: tuple[str, str], findings: Findings) -> None:
    places = [getattr(section, f"{secret}_env"), getattr(section, f"{secret}_file")]
    if all(place is None for place in places):
        findings.add(
            path, f"Where the {secret} is, is not said.", f'Write `{secret}_env = "VARIABLE"` or `{secret}_file`.'
        )
    elif None not in places:
        findings.add((*path, f"{secret}_file"), f"The {secret} is said to be in two places.", "Keep one of the two.")


def _check_mail(channel: EmailChannelSettings, path: tuple[str, str], findings: Findings) -> None:
    if channel.user is not None:
        _check_secret(channel, "password", path, findings)
    if channel.security == "none" and channel.password.given:
        findings.add(
            (*path, "security"), "A password would travel in clear.", 'Write `security = "starttls"` or `"tls"`.'
        )
