"""Appending rows: last of all in the transaction of the change, so that the chain holds nobody up before that."""

import logging
import re
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Engine, event, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from strongroom.audit.acting import STRONGROOM, Actor, Binding, find_actor, find_binding
from strongroom.audit.errors import AuditBrokenError, AuditHeadMissingError
from strongroom.audit.events import AuditEvent, Outcome, printable
from strongroom.audit.recording import act_of, take_pending
from strongroom.audit.rows import FIELDS, mac_of, seal_of
from strongroom.catalog.audit import HEAD_ID, LONGEST_NAME, LONGEST_TARGET, AuditHead, AuditRow
from strongroom.catalog.session import ASIDE
from strongroom.clock import Clock
from strongroom.errors import StrongroomError
from strongroom.keyring.secret import SecretKey
from strongroom.purposekeys.keys import Purpose, PurposeKeys
from strongroom.tracing import get_trace_id

log = logging.getLogger(__name__)

_CHANGED = "strongroom_changed"
_WRITES_INSIDE = re.compile(r"\A\s*WITH\b.*\b(INSERT\s+INTO|DELETE\s+FROM|UPDATE\s+\w+\s+(AS\s+\w+\s+)?SET)\b", re.S)


class AuditTrail:
    """The catalog's trail: knows what a transaction has to say, and appends it."""

    def __init__(self, keys: Callable[[], PurposeKeys], clock: Clock, *, without_key: bool = False) -> None:
        """`without_key` lets changes happen, and the log say so, where the key cannot be had."""
        self._keys = keys
        self._clock = clock
        self._without_key = without_key

    def prepare(self, session: Session) -> None:
        """Fetch the key before a transaction that will append, so that no key service is asked inside it."""
        binding = _binding_of(session)
        if binding is not None and binding.owes_a_row:
            self._find_key(lambda keys: keys.get(Purpose.AUDIT))

    def complete(self, session: Session) -> None:
        """Append what was recorded, and a row for the bound operation where none says that it was done.

        Raises AuditHeadMissingError, AuditBrokenError, and as PurposeKeys.get_within.
        """
        events, binding = take_pending(session), _binding_of(session)
        session.flush()
        if binding is not None and binding.owes_a_row:
            if not any(one.outcome is Outcome.DONE for one, _ in events) and _has_changed(session):
                events.append((act_of(binding), None))
            if any(one.outcome is Outcome.DONE for one, _ in events):
                _remember(session, binding)
        if events:
            key = self._find_key(lambda keys: keys.get_within(session, Purpose.AUDIT))
            if key is not None:
                _append(session, key.reveal(), [self._values(*one) for one in events])

    def _find_key(self, get: Callable[[PurposeKeys], SecretKey]) -> SecretKey | None:
        try:
            return get(self._keys())
        except StrongroomError as error:
            # Who restores with the recovery key may have lost every other one; restoring matters more than this row.
            if not self._without_key:
                raise
            log.warning("not in the audit log, whose key cannot be had: %s", error.what)
            return None

    def _values(self, told: AuditEvent, actor: Actor | None) -> list[Any]:
        """Return the values of a row after its sequence."""
        actor = actor or find_actor() or STRONGROOM
        return [self._clock.now(), *_who(actor), *_what(told), *_ids(actor), told.before, told.after]


def watch_changes(engine: Engine) -> None:
    """Have an engine's connections know whether their transaction has changed something."""

    @event.listens_for(engine, "begin")
    def forget(connection: Any) -> None:
        connection.info.pop(_CHANGED, None)

    @event.listens_for(engine, "before_cursor_execute")
    def notice(connection: Any, _: Any, statement: str, __: Any, context: Any, ___: Any) -> None:
        built = context is not None and (context.isinsert or context.isupdate or context.isdelete)
        if built or _is_write(statement):
            connection.info[_CHANGED] = True


def _is_write(statement: str) -> bool:
    if statement.startswith("WITH"):
        return _WRITES_INSIDE.search(statement) is not None
    return statement.startswith(("INSERT", "UPDATE", "DELETE"))


def _has_changed(session: Session) -> bool:
    return _CHANGED in session.connection().info


def _binding_of(session: Session) -> Binding | None:
    return None if ASIDE in session.info else find_binding()


def _remember(session: Session, binding: Binding) -> None:
    def remember(_: Session) -> None:
        binding.recorded = True

    # Not before: a commit that fails leaves no row, and a second try has to write one again.
    event.listen(session, "after_commit", remember, once=True)


def _who(actor: Actor) -> Sequence[str]:
    named = (actor.id, actor.name)
    operation = printable(actor.operation, LONGEST_NAME)
    return (
        actor.kind.value,
        *(printable(text, LONGEST_NAME) for text in named),
        printable(actor.address, 64),
        operation,
    )


def _what(told: AuditEvent) -> Sequence[str]:
    return (told.action, printable(told.target, LONGEST_TARGET), told.outcome.value, told.reason)


def _ids(actor: Actor) -> Sequence[str]:
    return (printable(actor.request_id, 64), printable(actor.trace_id or get_trace_id() or "", 64))


def _append(session: Session, key: bytes, told: Sequence[Sequence[Any]]) -> None:
    """Chain rows to the head, which nobody else can move before this transaction ends."""
    locked = select(AuditHead.chain, AuditHead.sequence, AuditHead.mac).where(AuditHead.id == HEAD_ID)
    head = session.execute(locked.with_for_update()).one_or_none()
    if head is None:
        raise AuditHeadMissingError(
            "The audit log has lost its head, so nothing can be changed.",
            next_step="See what happened to the table audit_head; docs/audit.md says how to go on.",
        )
    sequence, mac, rows = head.sequence, head.mac, []
    for values in told:
        sequence += 1
        row = [sequence, *values]
        mac = mac_of(key, mac, row)
        rows.append(dict(zip(FIELDS, row, strict=True), mac=mac))
    try:
        session.execute(insert(AuditRow), rows)
    except IntegrityError as error:
        # The head is locked: nobody of ours can have written a row with this number.
        raise AuditBrokenError(
            f"The audit log has a row {head.sequence + 1} that Strongroom did not write, so nothing can be changed.",
            next_step="Copy it, and see who wrote it: strongroom audit verify. docs/audit.md says how to go on.",
        ) from error
    seal = seal_of(key, head.chain, sequence, mac)
    session.execute(update(AuditHead).where(AuditHead.id == HEAD_ID).values(sequence=sequence, mac=mac, seal=seal))
