"""Saying something to a peer and proving its answer.

An outcome that is unknown raises PeerUnreachableError or PeerAnswerError: the peer may have what it was sent. The same
keys may then be sent again, under a new message id, or voided; until an ack they are given to nobody.
"""

import threading
from collections.abc import Mapping, Sequence

from strongroom.keysync import epochs
from strongroom.keysync.answering import note_capabilities
from strongroom.keysync.asking import ask
from strongroom.keysync.derivation import SHORTEST_SECRET
from strongroom.keysync.keeping import Epoch, PskState
from strongroom.keysync.messages import CapabilityExchange, EpochRequest, Heartbeat, KeyItem, KeySync, Profile, Void
from strongroom.keysync.payloads import MOST_VOIDED, decode_capabilities, from_base64
from strongroom.keysync.refusals import MessageRefusedError
from strongroom.keysync.telling import tell, tell_keys
from strongroom.keysync.wire_errors import (
    NoSecretError,
    PeerAnswerError,
    PeerBusyError,
    PeerRefusedError,
    PeerUnreachableError,
)
from strongroom.keysync.wires import Ack, Line, Speaker, Ways, unproven, way_to

PATIENCE_SECONDS = 10.0
ASK_AGAIN_SECONDS = 30.0
"""After which a peer that may speak v1, and of which nothing is known, is asked again whether it speaks v2."""


class Sender:
    """Speaks to peers, each in the strongest profile it can; safe between threads.

    `peers` holds the weakest profile of each peer, by system id. Every method takes `within`, the seconds after which
    the outcome counts as unknown, and raises PeerUnreachableError, PeerAnswerError, PeerRefusedError (nothing was kept)
    or NoSecretError.
    """

    def __init__(self, speaker: Speaker, peers: Mapping[str, Profile], wires: Ways) -> None:
        self._speaker = speaker
        self._peers = peers
        self._wires = wires
        self._locking = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._speaks_v1_until: dict[str, float] = {}

    def push(self, peer: str, items: Sequence[KeyItem], within: float = PATIENCE_SECONDS) -> Ack:
        """Send keys, and return what became of each; only `stored` and `duplicate` can be served by the peer."""
        line = self._line(peer, within)
        if self._profile(line) is Profile.V1:
            return tell_keys(self._speaker, line, items)
        message = KeySync(tuple(items))
        epoch = self._current_epoch(line) or self._new_epoch(line, None)
        try:
            return ask(self._speaker, line, message, epoch).ack
        except PeerRefusedError:
            # It may have lost the epoch, as after a restore; nothing was kept, so the keys may go under another.
            return ask(self._speaker, line, message, self._new_epoch(line, epoch)).ack

    def heartbeat(
        self, peer: str, heartbeat: Heartbeat, psk_id: str | None = None, within: float = PATIENCE_SECONDS
    ) -> Ack:
        """Say that we live, under a secret that is named where the peer shall show that it has that one."""
        line = self._line(peer, within, psk_id)
        if self._profile(line) is Profile.V1:
            return tell(self._speaker, line, heartbeat)
        return ask(self._speaker, line, heartbeat).ack

    def exchange(self, peer: str, within: float = PATIENCE_SECONDS) -> Ack:
        """Tell a peer what we can do; what it answers of itself is noted."""
        line = self._line(peer, within)
        if self._profile(line) is Profile.V1:
            return tell(self._speaker, line, self._speaker.ours)
        return self._exchange(line)

    def void(self, peer: str, key_ids: Sequence[str] | None, within: float = PATIENCE_SECONDS) -> None:
        """Have a peer give out none of these keys of ours, or none at all; in profile v1 they can only expire."""
        line = self._line(peer, within)
        if self._profile(line) is Profile.V1:
            return
        if key_ids is None:
            ask(self._speaker, line, Void(None))
            return
        for first in range(0, len(key_ids), MOST_VOIDED):
            ask(self._speaker, line, Void(tuple(key_ids[first : first + MOST_VOIDED])))

    def close(self) -> None:
        """Close the connections to peers; they open again when something is said."""
        self._wires.close()

    def _line(self, peer: str, within: float, psk_id: str | None = None) -> Line:
        until = self._speaker.clock.monotonic() + within
        for psk in self._speaker.keeper.psks(peer):
            if (psk.state is PskState.CURRENT) if psk_id is None else psk.psk_id == psk_id:
                return Line(peer, psk, self._wires(peer), until)
        raise NoSecretError(
            f"There is no secret in force that is shared with the peer {peer}.",
            next_step="Install one with `strongroom peers rotate-psk`, on both sides.",
        )

    def _profile(self, line: Line) -> Profile:
        if self._peers[line.peer] is Profile.V2:
            return Profile.V2
        if len(line.psk.secret) < SHORTEST_SECRET:
            return Profile.V1
        told = self._speaker.keeper.told(line.peer) or self._asked_first(line)
        return Profile.V2 if told is not None and Profile.V2 in told.profiles else Profile.V1

    def _asked_first(self, line: Line) -> CapabilityExchange | None:
        """Ask a peer of which nothing is known, as after a restore, in profile v2; None where it does not speak it."""
        now = self._speaker.clock.monotonic()
        if self._speaks_v1_until.get(line.peer, now) > now:
            return None
        try:
            self._exchange(line)
        except PeerBusyError:
            raise
        except (PeerRefusedError, PeerAnswerError):
            self._speaks_v1_until[line.peer] = now + ASK_AGAIN_SECONDS
            return None
        return self._speaker.keeper.told(line.peer)

    def _exchange(self, line: Line) -> Ack:
        asked = ask(self._speaker, line, self._speaker.ours)
        if asked.body.capabilities is None or asked.body.capabilities.local != line.peer:
            raise unproven(line.peer, "capabilities")
        told = decode_capabilities(asked.body.capabilities)
        note_capabilities(self._speaker.keeper, asked.ack.sign, told, self._speaker.clock.now())
        return asked.ack

    def _current_epoch(self, line: Line) -> Epoch | None:
        keeper, now = self._speaker.keeper, self._speaker.clock.now()
        epoch = keeper.newest_epoch(line.peer)
        if epoch is None or not epochs.stands(epoch, keeper.psks(line.peer)):
            return None
        return None if epochs.is_spent(epoch, keeper.next_seq(line.peer), now) else epoch

    def _new_epoch(self, line: Line, refused: Epoch | None) -> Epoch:
        """Return another epoch than one that was refused; of many threads that want one, one agrees on it."""
        left = line.until - self._speaker.clock.monotonic()
        with self._locking:
            lock = self._locks.setdefault(line.peer, threading.Lock())
        if not lock.acquire(timeout=max(0.0, left)):
            raise PeerUnreachableError(f"There is no time left for {line.peer}.", next_step="Send the same again.")
        try:
            epoch = self._current_epoch(line)
            if epoch is None or (refused is not None and epoch.number == refused.number):
                epoch = self._agree(line)
            return epoch
        finally:
            lock.release()

    def _agree(self, line: Line) -> Epoch:
        """Agree on an epoch with the peer, which chooses its number; the ephemeral key ends with this call."""
        own = epochs.EphemeralKey.generate()
        answer = ask(self._speaker, line, EpochRequest(own.public_key)).body.epoch
        if answer is None:
            raise unproven(line.peer, "epoch")
        try:
            sealed = (answer.number, from_base64(answer.sealed))
            secret = epochs.open_answer(own, way_to(self._speaker, line), sealed, line.psk)
        except MessageRefusedError:
            raise unproven(line.peer, "epoch") from None
        keeper, now = self._speaker.keeper, self._speaker.clock.now()
        seq = keeper.next_seq(line.peer)
        epoch = Epoch(line.peer, answer.number, secret, line.psk.psk_id, now, seq)
        keeper.store_epoch(epoch)
        return epoch
