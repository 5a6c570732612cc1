"""What is said to one operator about their own account: by mail, through a channel that the alerts have.

It is written in the transaction of what happened and delivered like any message. Where no mail reaches them, the
operations' channels are told instead, so that somebody passes it on.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from strongroom.alerts.choosing import DISTURBING, hears, soonest
from strongroom.alerts.message import Message
from strongroom.alerts.sending import KEYED
from strongroom.catalog.alert_messages import AlertDelivery, DeliveryState, PersonalNotice
from strongroom.catalog.alerts import NoticeReason, Severity
from strongroom.clock import RandomBytes, system_random
from strongroom.ids import id_at
from strongroom.settings.channels import ChannelSettings

BATCH = 500
NO_ADDRESS = "The account has no mail address"
NO_MAIL_CHANNEL = "There is no channel of kind email"
SET_EMAIL = "Tell its operator. For the next time: strongroom accounts set-email NAME ADDRESS"


@dataclass(frozen=True, slots=True)
class PersonalReport:
    """Something that happened to an account. `about` is a stable name of it; no text holds a secret or a code."""

    account_id: uuid.UUID
    recipient: str | None
    about: str
    title: str
    body: str
    at: datetime


def tell_person(session: Session, report: PersonalReport, random: RandomBytes = system_random) -> None:
    """Put into the outbox, in the caller's transaction, what an operator is to be told."""
    session.add(
        PersonalNotice(
            id=id_at(report.at, random),
            account_id=report.account_id,
            recipient=report.recipient,
            about=report.about,
            title=report.title[:200],
            body=report.body[:2000],
            created_at=report.at,
        )
    )


def was_told(session: Session, account_id: uuid.UUID, about: str, since: datetime) -> bool:
    """Say whether an operator was told of the same after a moment."""
    mine = (PersonalNotice.account_id == account_id, PersonalNotice.about == about, PersonalNotice.created_at > since)
    return bool(session.scalar(select(exists().where(*mine))))


def has_personal(session: Session) -> bool:
    """Say whether something for an operator was not handed to a channel yet."""
    return bool(session.scalar(select(exists().where(PersonalNotice.routed_at.is_(None)))))


def route_personal(
    session: Session, channels: Mapping[str, ChannelSettings], now: datetime, random: RandomBytes = system_random
) -> int:
    """Hand what waits to channels, in the caller's transaction, and return how many deliveries that made.

    Any number of processes may do this at once: each notice is routed by one of them.
    """
    query = select(PersonalNotice).where(PersonalNotice.routed_at.is_(None))
    query = query.order_by(PersonalNotice.created_at, PersonalNotice.id).limit(BATCH)
    written = 0
    for notice in session.scalars(query.with_for_update(skip_locked=True)).all():
        notice.routed_at = now
        message = Message(str(notice.id), NoticeReason.PERSONAL, notice.title, (), notice.body)
        mail = next((channel for channel in channels.values() if channel.kind == "email"), None)
        if mail is not None and notice.recipient is not None:
            session.add(_delivery(message, mail.name, now, random, notice.recipient))
            written += 1
            continue
        why = NO_ADDRESS if notice.recipient is None else NO_MAIL_CHANNEL
        written += tell_operations(session, message, operations_of(channels), why, now, random)
    return written


def tell_operations(
    session: Session,
    message: Message,
    channels: Sequence[ChannelSettings],
    why: str,
    now: datetime,
    random: RandomBytes = system_random,
) -> int:
    """Have the operations' channels say what does not reach the operator, and why; return how many are asked."""
    note = f"{why}, so this comes to you. {SET_EMAIL}\n\n{message.note}"
    passed_on = replace(message, id=str(id_at(now, random)), title=f"To be passed on: {message.title}", note=note)
    session.add_all(_delivery(passed_on, channel.name, now, random, None) for channel in channels)
    return len(channels)


def operations_of(channels: Mapping[str, ChannelSettings], besides: str = "") -> Sequence[ChannelSettings]:
    """Return the channels that are told in place of an operator: those of alerts of medium severity, if there are any.

    None that rings, and none that keeps alerts under a key, as this is no alert.
    """
    readable = [c for c in channels.values() if c.kind not in KEYED | DISTURBING and c.name != besides]
    return soonest([c for c in readable if hears(c, Severity.MEDIUM)] or readable)


def _delivery(
    message: Message, channel: str, now: datetime, random: RandomBytes, recipient: str | None
) -> AlertDelivery:
    return AlertDelivery(
        id=id_at(now, random),
        group_id=id_at(now, random),
        channel=channel,
        reason=NoticeReason.PERSONAL,
        payload=message.as_stored(),
        state=DeliveryState.WAITING,
        due_at=now,
        created_at=now,
        recipient=recipient,
    )
