"""What the states of its jobs mean for a re-encryption."""

import pytest

from strongroom.catalog.jobs import JobState
from strongroom.catalog.reencryption import ReencryptionState
from strongroom.rotation.states import state_of


@pytest.mark.parametrize(
    ("jobs", "begun", "state"),
    [
        (["queued", "queued"], False, "pending"),
        (["queued"], True, "running"),
        (["running", "paused", "failed"], True, "running"),
        (["queued", "failed"], True, "running"),
        (["paused", "failed"], True, "paused"),
        (["failed", "succeeded"], True, "failed"),
        (["dead"], True, "failed"),
        (["cancelled", "cancelled"], False, "failed"),
        (["succeeded"], True, "running"),
        ([], True, "running"),
    ],
)
def test_the_liveliest_job_decides(jobs, begun, state):
    assert state_of([JobState(job) for job in jobs], begun=begun) is ReencryptionState(state)
