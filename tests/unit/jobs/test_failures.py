"""A failure is kept in the words of the error."""

from strongroom.errors import UnavailableError
from strongroom.jobs.failures import POISONED, UNEXPECTED, JobFailure


def test_a_failure_keeps_what_happened_and_what_to_do():
    failure = JobFailure.of(UnavailableError("The store did not answer.", next_step="Wait."))

    assert failure.as_stored() == {
        "code": "strongroom.unavailable",
        "message": "The store did not answer.",
        "next_step": "Wait.",
        "retryable": True,
        "exit_code": 14,
    }


def test_what_nobody_foresaw_is_not_tried_again():
    assert not UNEXPECTED.retryable
    assert not POISONED.retryable
