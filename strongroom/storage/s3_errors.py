"""What an S3 server's answer, or its silence, means for a region."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)

from strongroom.errors import StrongroomError
from strongroom.storage.errors import (
    ObjectExistsError,
    ObjectNotFoundError,
    StoreDeniedError,
    StoreFullError,
    StoreUnavailableError,
    UnsafeStoreError,
)

_BAD_CREDENTIALS = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, ParamValidationError)
_BY_CODE: dict[str, type[StrongroomError]] = {
    "RequestTimeout": StoreUnavailableError,
    # The body was whole when it left, so it was damaged on the way.
    "BadDigest": StoreUnavailableError,
    "IncompleteBody": StoreUnavailableError,
    "XAmzContentSHA256Mismatch": StoreUnavailableError,
    "SlowDown": StoreUnavailableError,
    "QuotaExceeded": StoreFullError,
    "XMinioStorageFull": StoreFullError,
    "XMinioAdminBucketQuotaExceeded": StoreFullError,
}
_BY_STATUS: dict[int, type[StrongroomError]] = {
    404: ObjectNotFoundError,
    408: StoreUnavailableError,
    409: StoreUnavailableError,
    412: ObjectExistsError,
    429: StoreUnavailableError,
    501: UnsafeStoreError,
    507: StoreFullError,
}
_WORDS: dict[type[StrongroomError], tuple[str, str]] = {
    ObjectNotFoundError: (
        "holds no object {what}",
        "Check the region's other replicas; copying again brings the object back.",
    ),
    ObjectExistsError: (
        "already holds {what}; it was left as it is",
        "Read the existing object and decide by what it says.",
    ),
    StoreFullError: (
        "has no room for {what} ({code}); nothing was kept of it",
        "Free space or raise the quota there, then run the job again.",
    ),
    StoreDeniedError: (
        "refused {what} ({code}, HTTP {status})",
        "Check the region's access key, its permissions, the bucket's name and S3 region, and this machine's clock.",
    ),
    UnsafeStoreError: (
        "cannot do what {what} needs ({code}, HTTP {status})",
        "Use an S3 server that knows If-None-Match on PutObject.",
    ),
    StoreUnavailableError: (
        "failed at {what} ({code}, HTTP {status})",
        "Check that the region's server is well; the job will be tried again.",
    ),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """The parts of an S3 error that decide what it means."""

    code: str
    status: int
    retries: int


def read_answer(error: ClientError) -> Answer:
    """Take the code, the HTTP status and the number of retries out of botocore's error."""
    metadata = error.response.get("ResponseMetadata", {})
    code = str(error.response.get("Error", {}).get("Code", ""))
    return Answer(code, metadata.get("HTTPStatusCode", 0), metadata.get("RetryAttempts", 0))


@contextmanager
def translated(region: str, bucket: str, what: str) -> Iterator[None]:
    """Turn a botocore error raised inside into the Store contract's error; `what` is the key or call in the message."""
    try:
        yield
    except ClientError as error:
        raise translate_answer(read_answer(error), region, bucket, what) from error
    except _BAD_CREDENTIALS as error:
        raise StoreDeniedError(
            f"The request for {what} to bucket {bucket} of region {region} could not be made: {type(error).__name__}.",
            next_step="Check the region's bucket name and that its access key and secret key are set.",
            region=region,
        ) from error
    except BotoCoreError as error:
        raise StoreUnavailableError(
            f"Region {region} did not answer for {what}: {type(error).__name__}.",
            next_step="Check the region's endpoint and the network; the job will be tried again.",
            region=region,
        ) from error


def translate_answer(answer: Answer, region: str, bucket: str, what: str) -> StrongroomError:
    """Make the error that the answer means; `what` is the key or call in the message."""
    if answer.code == "NoSuchBucket":
        return StoreUnavailableError(
            f"Bucket {bucket} of region {region} does not exist ({answer.code}).",
            next_step="Make it, or correct the region's bucket, endpoint or S3 region; the job will be tried again.",
            region=region,
        )
    kind = _kind(answer)
    finding, next_step = _WORDS[kind]
    said = finding.format(what=what, code=answer.code or "no code", status=answer.status)
    return kind(f"Bucket {bucket} of region {region} {said}.", next_step=next_step, region=region)


def _kind(answer: Answer) -> type[StrongroomError]:
    if answer.code in _BY_CODE:
        return _BY_CODE[answer.code]
    if answer.status in _BY_STATUS:
        return _BY_STATUS[answer.status]
    # A server that is ill may send nothing that can be read as a status.
    return StoreDeniedError if 300 <= answer.status < 500 else StoreUnavailableError
