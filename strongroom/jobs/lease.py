"""Keeping a lease alive beside the work, hearing what is wanted of it, and knowing when it cannot be trusted."""

import logging
from types import TracebackType

from strongroom.catalog.errors import CatalogUnavailableError
from strongroom.jobs.claiming import Claim
from strongroom.jobs.interrupts import DeadlinePassed, JobCancelled, JobPaused, LeaseLost
from strongroom.jobs.keeper import PROCESS
from strongroom.jobs.ledger import Ledger
from strongroom.jobs.wishes import Wishes

log = logging.getLogger(__name__)


class Lease:
    """Has the process's keeper renew a claim's lease, on a connection of its own, while the block runs.

    Between two renewals it looks what people want of the job, so that a wish arrives within seconds.
    """

    def __init__(self, ledger: Ledger, claim: Claim) -> None:
        self._ledger = ledger
        self._claim = claim
        self._lost = False
        self.interval = min(ledger.policy.look_seconds, ledger.policy.renew_seconds)
        self._renewed(claim.asked_at)
        self._heard(claim.asked_at, claim.wishes)

    def __enter__(self) -> "Lease":
        PROCESS.keeper.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        PROCESS.keeper.remove(self)

    def check(self) -> None:
        """Return while the lease is certainly held; raises LeaseLost.

        The holder's own clock decides before the database does: a process that was frozen and wakes up is stopped here.
        """
        if self._lost or self._ledger.clock.monotonic() >= self._trusted_until:
            raise LeaseLost

    def heed(self) -> None:
        """Return while nobody wants the job to stop; raises JobCancelled, DeadlinePassed, JobPaused."""
        if self._wishes.cancel:
            raise JobCancelled
        if self._deadline is not None and self._ledger.clock.monotonic() >= self._deadline:
            raise DeadlinePassed
        if self._wishes.pause:
            raise JobPaused

    def watch(self) -> None:
        """Renew the lease if it is time, else look what is wanted; for the keeper."""
        if self._lost:
            return
        with self._claim.bound():
            self._ask(renewing=self._ledger.clock.monotonic() >= self._renew_at)

    def _ask(self, *, renewing: bool) -> None:
        asked_at = self._ledger.clock.monotonic()
        try:
            wishes = self._ledger.renew(self._claim) if renewing else self._ledger.look(self._claim)
        except LeaseLost:
            log.warning("job %s: the lease was lost, attempt %d stops", self._claim.job_id, self._claim.attempt)
            self._lost = True
        except CatalogUnavailableError as error:
            log.warning("job %s: the catalog was not reached, trying again: %s", self._claim.job_id, error.what)
        else:
            self._heard(asked_at, wishes)
            if renewing:
                self._renewed(asked_at)

    def _renewed(self, asked_at: float) -> None:
        self._trusted_until = asked_at + self._ledger.policy.trust_seconds
        self._renew_at = asked_at + self._ledger.policy.renew_seconds

    def _heard(self, asked_at: float, wishes: Wishes) -> None:
        self._wishes = wishes
        self._deadline = None if wishes.seconds_left is None else asked_at + wishes.seconds_left
