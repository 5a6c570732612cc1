"""Metrics of alerts and of logins: whether people hear of what is wrong, and who tries to come in."""

from collections.abc import Iterator
from datetime import datetime

from prometheus_client.core import Metric
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from strongroom.catalog.alert_messages import AlertDelivery, DeliveryState
from strongroom.catalog.alerts import Alert, AlertState, Severity
from strongroom.catalog.delivery_lags import LAG_BOUNDS, lags_of
from strongroom.catalog.tallies import Counted
from strongroom.metrics import definitions as metric
from strongroom.metrics.definition import Distribution
from strongroom.metrics.tallied import Tallies, tallied
from strongroom.settings import Settings

DELIVERY_OUTCOMES = ("sent", "failed", "dead")
"""The channel took the message; it did not, and is asked again; it is given up."""

ATTEMPTS = [(outcome, factor) for outcome in ("success", "failure") for factor in ("password", "totp", "backup_code")]


def alert_families(session: Session, settings: Settings, tallies: Tallies, now: datetime) -> Iterator[Metric]:
    """Yield what is open, and how every configured channel does."""
    query = select(Alert.severity, func.count()).where(Alert.state != AlertState.RESOLVED).group_by(Alert.severity)
    open_now = dict(session.execute(query).tuples().all())
    yield metric.ALERTS.family({(severity.value,): open_now.get(severity, 0) for severity in Severity})
    channels = [(channel, outcome) for channel in settings.channels for outcome in DELIVERY_OUTCOMES]
    yield metric.DELIVERIES.family(tallied(tallies, Counted.DELIVERIES, channels))
    since = func.coalesce(AlertDelivery.since, AlertDelivery.created_at)
    oldest = select(AlertDelivery.channel, func.min(since))
    oldest = oldest.where(AlertDelivery.state == DeliveryState.WAITING).group_by(AlertDelivery.channel)
    waiting = dict(session.execute(oldest).tuples().all())
    yield metric.DELIVERY_LAG.histogram(((channel,), _lags(channel, tallies)) for channel in settings.channels)
    yield metric.OLDEST_MESSAGE.family(
        {(channel,): max(0.0, (now - waiting.get(channel, now)).total_seconds()) for channel in settings.channels}
    )


def _lags(channel: str, tallies: Tallies) -> Distribution:
    return Distribution(LAG_BOUNDS, *lags_of(channel, tallies))


def account_families(tallies: Tallies) -> Iterator[Metric]:
    """Yield how often a password or code was right, wrong or not looked at any more."""
    yield metric.AUTH.family(tallied(tallies, Counted.AUTH_ATTEMPTS, ATTEMPTS, only=False))
