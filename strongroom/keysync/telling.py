"""One exchange in profile v1: the answer is the status of HTTP, under the protection of TLS alone."""

import uuid
from collections.abc import Sequence
from datetime import timedelta

from strongroom.errors import UnavailableError
from strongroom.keysync import envelope_v1
from strongroom.keysync.messages import KeyItem, KeyStatus, KeySync, KeyVerdict, Message, Profile, Sign
from strongroom.keysync.refusals import MessageRefusedError
from strongroom.keysync.strict_json import parse_object
from strongroom.keysync.wire_errors import PeerRefusedError
from strongroom.keysync.wires import Ack, Line, Speaker, WireAnswer, post, refusal, unproven, way_to


def tell(speaker: Speaker, line: Line, message: Message) -> Ack:
    """Send a message that carries no key; raises PeerUnreachableError, PeerRefusedError and PeerAnswerError."""
    _, ack = _exchange(speaker, line, message)
    return ack


def tell_keys(speaker: Speaker, line: Line, items: Sequence[KeyItem]) -> Ack:
    """Send keys one by one, as the profile has no batches, and return what became of those that were answered.

    Raises PeerRefusedError where every key was refused, as it is we who are refused then; and PeerUnreachableError or
    PeerAnswerError where none was answered.
    """
    began = speaker.clock.monotonic()
    verdicts: list[KeyVerdict] = []
    for item in items:
        try:
            verdicts.append(KeyVerdict(item.key_id, _tell_key(speaker, line, item)))
        except UnavailableError:
            if not verdicts:
                raise
            # What was proven counts; this key and those after it are sent again.
            break
    if all(verdict.status is KeyStatus.REFUSED for verdict in verdicts):
        raise refusal(line.peer, 400)
    took = timedelta(seconds=speaker.clock.monotonic() - began)
    return Ack(tuple(verdicts), _sign(speaker, line), timedelta(0), took)


def _tell_key(speaker: Speaker, line: Line, item: KeyItem) -> KeyStatus:
    try:
        status, _ = _exchange(speaker, line, KeySync((item,)))
    except PeerRefusedError:
        return KeyStatus.REFUSED
    return KeyStatus.STORED if status == 200 else KeyStatus.CONFLICT


def _exchange(speaker: Speaker, line: Line, message: Message) -> tuple[int, Ack]:
    message_id = str(uuid.UUID(bytes=speaker.random(16), version=4))
    began, now = speaker.clock.monotonic(), speaker.clock.now()
    answer = post(speaker, line, envelope_v1.seal(message, way_to(speaker, line), message_id, now, line.psk))
    _verify(line, answer)
    took = timedelta(seconds=speaker.clock.monotonic() - began)
    return answer.status, Ack((), _sign(speaker, line), timedelta(0), took)


def _verify(line: Line, answer: WireAnswer) -> None:
    """Take a 200 for an ack only where the body says so too: some say 200 and mean an error."""
    try:
        said = parse_object(answer.body).get("status")
    except MessageRefusedError:
        said = None
    if said != ("ok" if answer.status == 200 else "error"):
        raise unproven(line.peer, "what it says is not what its status says")


def _sign(speaker: Speaker, line: Line) -> Sign:
    return Sign(line.peer, Profile.V1, line.psk.psk_id, speaker.clock.now())
