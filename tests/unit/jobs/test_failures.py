"""A failure is kept in the words of the error."""

import pytest

from strongroom.catalog.errors import CatalogUnavailableError
from strongroom.errors import StrongroomError, UnavailableError
from strongroom.jobs.errors import BrokerUnavailableError
from strongroom.jobs.failures import POISONED, UNEXPECTED, JobFailure, missed_deadline
from strongroom.keyring.errors import KeyProviderDeniedError, KeyProviderUnavailableError, WrongKeyError
from strongroom.repository.errors import TamperedError
from strongroom.sources.errors import (
    DumpDeniedError,
    LockTimeoutError,
    ProducerFailedError,
    RestoreFailedError,
    ServerUnreachableError,
    TargetNotEmptyError,
    WrongPasswordError,
)
from strongroom.storage.errors import ChecksumMismatchError, StoreDeniedError, StoreUnavailableError

PASSING = [
    BrokerUnavailableError,
    CatalogUnavailableError,
    KeyProviderUnavailableError,
    LockTimeoutError,
    ProducerFailedError,
    ServerUnreachableError,
    StoreUnavailableError,
]
LASTING = [
    ChecksumMismatchError,
    DumpDeniedError,
    KeyProviderDeniedError,
    RestoreFailedError,
    StoreDeniedError,
    TamperedError,
    TargetNotEmptyError,
    WrongKeyError,
    WrongPasswordError,
]


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


@pytest.mark.parametrize("error", PASSING)
def test_what_passes_by_itself_is_tried_again(error: type[StrongroomError]):
    assert JobFailure.of(error("It is away.", next_step="Wait.")).retryable


@pytest.mark.parametrize("error", LASTING)
def test_what_somebody_has_to_mend_is_not_tried_again(error: type[StrongroomError]):
    assert not error.retryable


def test_a_missed_deadline_says_what_kept_the_job():
    kept = missed_deadline({"message": "No answer.", "code": "storage.unavailable"})

    assert (kept.code, kept.retryable) == ("jobs.deadline_missed", False)
    assert "storage.unavailable" in kept.message
    assert "Before" not in missed_deadline(None).message
