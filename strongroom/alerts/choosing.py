"""Which channels hear of an alert, in which order, and which one stands in for another."""

from collections.abc import Collection, Mapping, Sequence

from strongroom.alerts.sending import KEYED
from strongroom.catalog.alerts import Alert, NoticeReason, Severity
from strongroom.settings.channels import ChannelSettings

CHANNEL_FAILING = "channel.failing"
DISTURBING = frozenset({"call"})
"""Kinds that do not ring for anything but a critical alert that is open."""


def hears(channel: ChannelSettings, severity: Severity) -> bool:
    """Say whether a channel is meant for alerts of this severity."""
    return severity.rank >= Severity(channel.min_severity).rank


def channels_of(channels: Mapping[str, ChannelSettings], alert: Alert, reason: NoticeReason) -> list[ChannelSettings]:
    """Return the channels that are to say something about an alert, in the order of the settings."""
    fitting = _fitting(channels, alert)
    if reason is NoticeReason.ACKNOWLEDGED or (reason is NoticeReason.RESOLVED and alert.flapping):
        # People hear once a day of what comes and goes; whoever keeps it under a key has to hear each end of it.
        return [channel for channel in fitting if channel.kind in KEYED]
    if reason is NoticeReason.RESOLVED:
        return [c for c in fitting if c.after_minutes <= alert.escalated and c.kind not in DISTURBING] or soonest(
            fitting
        )
    return soonest(fitting)


def steps_of(channels: Collection[ChannelSettings]) -> list[int]:
    """Return the minutes at which a critical alert that nobody acknowledges goes to further channels."""
    return sorted({channel.after_minutes for channel in channels if channel.after_minutes > 0})


def next_channel(
    channels: Mapping[str, ChannelSettings], failed: str, used: Collection[str], severity: Severity
) -> ChannelSettings | None:
    """Return the channel that stands in for one that failed: the next of the settings that was not asked yet."""
    names = list(channels)
    start = names.index(failed) + 1 if failed in channels else 0
    for name in names[start:] + names[:start]:
        channel = channels[name]
        quiet = channel.kind not in DISTURBING or severity is Severity.CRITICAL
        if name != failed and name not in used and quiet:
            return channel
    return None


def _fitting(channels: Mapping[str, ChannelSettings], alert: Alert) -> list[ChannelSettings]:
    if not alert.cause.startswith(CHANNEL_FAILING):
        return [channel for channel in channels.values() if hears(channel, alert.severity)]
    about = alert.cause.removeprefix(f"{CHANNEL_FAILING}.")
    others = [channel for channel in channels.values() if channel.name != about]
    # Where the others are meant for worse, one of them says it all the same: nobody else is left.
    return [c for c in others if hears(c, alert.severity)] or [c for c in others if c.kind not in DISTURBING]


def soonest(fitting: Sequence[ChannelSettings]) -> list[ChannelSettings]:
    """Return those that are asked at once; where there is none, those that would be asked first."""
    soonest = min((channel.after_minutes for channel in fitting), default=0)
    return [channel for channel in fitting if channel.after_minutes == soonest]
