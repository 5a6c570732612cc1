"""A log that has no room costs lines: the worker backs up, says that it lives, and ends in order."""

import os
import signal
import sys

import pytest

from strongroom.jobs.outbox import publish_due
from tests.integration.worker.conftest import eventually
from tests.services.processes import Server
from tests.services.valkey import Valkey


@pytest.fixture
def broker(valkey: Valkey) -> Valkey:
    """This is about the log, so one kind of broker is enough."""
    return valkey


def test_a_worker_whose_log_is_on_a_full_disk_backs_up(site, tmp_path):
    words = ["sh", "-c", 'exec "$0" "$@" >/dev/full 2>&1', sys.executable, "-m", "worker", "backup"]
    worker = Server("full", words, tmp_path, site.environment)
    worker.start(lambda: "backup" in site.alive(), seconds=60)
    try:
        job = site.request_backup()
        publish_due(site.runtime.ledger, site.publisher())

        eventually(lambda: site.state_of(job) == "succeeded")

        os.kill(worker.pid, signal.SIGTERM)
        eventually(lambda: worker.pid is None)
    finally:
        worker.stop()
