"""Keeping a lease alive beside the work, and knowing by one's own clock when it can no longer be trusted."""

import logging
import threading
from types import TracebackType

from strongroom.catalog.errors import CatalogUnavailableError
from strongroom.jobs.claiming import Claim
from strongroom.jobs.interrupts import LeaseLost
from strongroom.jobs.ledger import Ledger

log = logging.getLogger(__name__)


class Lease:
    """Renews a claim's lease from a thread, on a connection of its own, while the block runs."""

    def __init__(self, ledger: Ledger, claim: Claim) -> None:
        self._ledger = ledger
        self._claim = claim
        self._trusted_until = claim.asked_at + ledger.policy.trust_seconds
        self._lost = False
        self._cancel_requested = False
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._renew_until_stopped, name=f"lease-{claim.job_id}", daemon=True)

    def __enter__(self) -> "Lease":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()

    @property
    def cancel_requested(self) -> bool:
        """Say whether somebody asked for the job to stop."""
        return self._cancel_requested

    def check(self) -> None:
        """Return while the lease is certainly held; raises LeaseLost.

        The holder's own clock decides before the database does: a process that was frozen and wakes up is stopped here.
        """
        if self._lost or self._ledger.clock.monotonic() >= self._trusted_until:
            raise LeaseLost

    def _renew_until_stopped(self) -> None:
        while not self._lost and not self._stopped.wait(self._ledger.policy.renew_seconds):
            self._renew()

    def _renew(self) -> None:
        asked_at = self._ledger.clock.monotonic()
        try:
            self._cancel_requested = self._ledger.renew(self._claim)
        except LeaseLost:
            log.warning("job %s: the lease was lost, attempt %d stops", self._claim.job_id, self._claim.attempt)
            self._lost = True
        except CatalogUnavailableError as error:
            log.warning("job %s: the lease was not renewed, trying again: %s", self._claim.job_id, error.what)
        else:
            self._trusted_until = asked_at + self._ledger.policy.trust_seconds
