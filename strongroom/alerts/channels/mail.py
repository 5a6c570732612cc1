"""Mail over SMTP: bounded in time, and no name of a source can add a header."""

import smtplib
import socket
import ssl
from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

from pydantic import SecretStr

from strongroom.alerts.errors import AddressDeferredError, AddressRefusedError, ChannelFailedError
from strongroom.alerts.message import Message
from strongroom.alerts.network import Place, connected
from strongroom.settings.channels import EmailChannelSettings

SECONDS = 15.0
"""For the whole conversation: connection, greeting, encryption, login and message."""


PERMANENT = 500
"""From this reply on a server says that the same will never work: RFC 5321, 4.2.1."""


class _Speaker(smtplib.SMTP):
    """An SMTP client on a connection that is there already."""

    def __init__(self, connection: socket.socket, host: str) -> None:
        self._connection = connection
        super().__init__(local_hostname=_own_name(connection), timeout=SECONDS)
        self._host = host

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return self._connection


def _own_name(connection: socket.socket) -> str:
    """Return what we call ourselves, without asking a resolver that may take its time: RFC 5321, 4.1.3."""
    name, address = socket.gethostname(), str(connection.getsockname()[0])
    literal = f"[IPv6:{address}]" if ":" in address else f"[{address}]"
    return name if "." in name else literal


def send_mail(
    channel: EmailChannelSettings, password: SecretStr | None, message: Message, now: datetime
) -> Sequence[str]:
    """Send one mail to all recipients and return those the server refused; raises ChannelFailedError for all."""
    try:
        return _send(channel, password, compose(channel, message, now, channel.to), channel.to)
    except (OSError, smtplib.SMTPException) as error:
        raise _failed(channel, error) from None


def send_to_one(
    channel: EmailChannelSettings, password: SecretStr | None, message: Message, now: datetime, recipient: str
) -> None:
    """Send one mail to one person instead.

    Raises AddressRefusedError and AddressDeferredError, which are about the person, and ChannelFailedError.
    """
    try:
        _send(channel, password, compose(channel, message, now, [recipient]), [recipient])
    except smtplib.SMTPRecipientsRefused as error:
        [(code, _)] = error.recipients.values()
        kind = AddressDeferredError if code < PERMANENT else AddressRefusedError
        raise kind(
            f"{channel.host} does not take mail for the address of this account ({code}).",
            next_step="Give it another: strongroom accounts set-email.",
        ) from None
    except (OSError, smtplib.SMTPException) as error:
        raise _failed(channel, error) from None


def _send(
    channel: EmailChannelSettings, password: SecretStr | None, mail: EmailMessage, recipients: Sequence[str]
) -> Sequence[str]:
    place, encrypted = Place(channel.host, channel.port), channel.security == "tls"
    with connected(place, encrypted=encrypted, seconds=SECONDS) as connection:
        return _converse(connection, channel, password, mail, recipients)


def _failed(channel: EmailChannelSettings, error: Exception) -> ChannelFailedError:
    return ChannelFailedError(
        f"{channel.host} did not take the mail ({_why(error)}).", next_step="See what the mail server says."
    )


def compose(channel: EmailChannelSettings, message: Message, now: datetime, recipients: Sequence[str]) -> EmailMessage:
    """Return the mail; control characters of the title become spaces, so that no header can be added."""
    mail = EmailMessage()
    mail["Subject"] = "".join(c if c.isprintable() else " " for c in message.title)[:200]
    mail["From"] = channel.sender
    mail["To"] = ", ".join(recipients)
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{message.id}@strongroom.invalid>"
    mail["Auto-Submitted"] = "auto-generated"
    if len(message.subjects) == 1:
        # Mail programs show all that was said about one alert as one conversation.
        mail["References"] = f"<{message.subjects[0].id}@strongroom.invalid>"
    mail.set_content(message.text)
    return mail


def _converse(
    connection: socket.socket,
    channel: EmailChannelSettings,
    password: SecretStr | None,
    mail: EmailMessage,
    recipients: Sequence[str],
) -> Sequence[str]:
    speaker = _Speaker(connection, channel.host)
    speaker.connect(channel.host, channel.port)
    if channel.security == "starttls":
        speaker.starttls(context=ssl.create_default_context())
    if channel.user is not None and password is not None:
        speaker.login(channel.user, password.get_secret_value())
    refused = speaker.send_message(mail, from_addr=channel.sender, to_addrs=list(recipients))
    # The mail was taken; what the server says to the farewell changes nothing.
    speaker.close()
    return sorted(refused)


def _why(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{type(error).__name__} {error.smtp_code}"
    return type(error).__name__
