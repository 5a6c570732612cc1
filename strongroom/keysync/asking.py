"""One exchange in profile v2: a sealed message, a signed answer."""

from dataclasses import dataclass
from datetime import timedelta

from strongroom.keysync import envelope_v2
from strongroom.keysync.acks import open_ack, read_verdicts, sent_at
from strongroom.keysync.derivation import Direction, Purpose, derive_from_epoch, derive_key
from strongroom.keysync.envelope_v2 import ALGORITHM, Header
from strongroom.keysync.keeping import Epoch, Psk
from strongroom.keysync.messages import KeySync, Message, Profile, Sign
from strongroom.keysync.payloads import AckBody, encode, to_milliseconds, type_of
from strongroom.keysync.refusals import MessageRefusedError
from strongroom.keysync.wires import Ack, Line, Speaker, post, unproven, way_to


@dataclass(frozen=True, slots=True)
class Asked:
    """What an exchange led to."""

    ack: Ack
    body: AckBody


def ask(speaker: Speaker, line: Line, message: Message, epoch: Epoch | None = None) -> Asked:
    """Send a message, under an epoch where it carries keys, and prove the answer.

    Raises PeerUnreachableError, PeerRefusedError and PeerAnswerError.
    """
    way = way_to(speaker, line)
    header = _header(speaker, line, message, epoch)
    mac_key = derive_key(line.psk.secret, Purpose.MAC, way)
    sealed = envelope_v2.seal(header, encode(message), _base(line.psk, way, epoch), mac_key)
    began, at = speaker.clock.monotonic(), speaker.clock.now()
    answer = post(speaker, line, sealed)
    took = timedelta(seconds=speaker.clock.monotonic() - began)
    try:
        theirs, body = open_ack(answer.body, way.turned(), line.psk, header.msg_id)
        items = message.keys if isinstance(message, KeySync) else ()
        verdicts = read_verdicts(body, items, line.psk, way.turned())
    except MessageRefusedError as refused:
        raise unproven(line.peer, refused.reason.value) from None
    sign = Sign(line.peer, Profile.V2, line.psk.psk_id, sent_at(theirs), theirs.boot)
    return Asked(Ack(verdicts, sign, sign.sent_at - (at + took / 2), took), body)


def _header(speaker: Speaker, line: Line, message: Message, epoch: Epoch | None) -> Header:
    return Header(
        v=2,
        alg=ALGORITHM,
        psk=line.psk.psk_id,
        epoch=0 if epoch is None else epoch.number,
        sender=speaker.ours.local_id,
        receiver=line.peer,
        type=type_of(message).value,
        msg_id=speaker.random(16).hex(),
        boot=speaker.keeper.boot(),
        seq=speaker.keeper.next_seq(line.peer),
        ts=to_milliseconds(speaker.clock.now()),
    )


def _base(psk: Psk, way: Direction, epoch: Epoch | None) -> bytes:
    if epoch is None:
        return derive_key(psk.secret, Purpose.ENCRYPTION, way)
    return derive_from_epoch(epoch.secret, way)
