"""What an answer of AWS, or its silence, means for the call that got it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from strongroom.aws.calls import AwsCall
from strongroom.aws.errors import (
    AwsBusyError,
    AwsExistsError,
    AwsNotFoundError,
    AwsRefusedError,
    AwsUnavailableError,
    CredentialsError,
    CredentialsExpiredError,
    KmsKeyRefusedError,
    PermissionMissingError,
    QuotaExceededError,
)
from strongroom.errors import StrongroomError

MOST_WORDS = 300
"""Characters of what AWS says that an error repeats."""

_NO_CREDENTIALS = {"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "NoRegionError"}

_BY_CODE: dict[str, type[StrongroomError]] = {
    code: kind
    for kind, codes in {
        CredentialsExpiredError: "ExpiredToken ExpiredTokenException RequestExpired",
        CredentialsError: (
            "AuthFailure InvalidClientTokenId UnrecognizedClientException SignatureDoesNotMatch InvalidAccessKeyId "
            "IncompleteSignature MissingAuthenticationToken InvalidSignatureException OptInRequired"
        ),
        PermissionMissingError: "UnauthorizedOperation AccessDenied AccessDeniedException NotAuthorized 403 Forbidden",
        KmsKeyRefusedError: (
            "KMSKeyNotAccessibleFault KmsKeyNotAccessibleFault InvalidKmsKey.NotFound InvalidKmsKey.InvalidState "
            "DisabledException KMSInvalidStateException KMS.DisabledException KMS.NotFoundException "
            "KMSAccessDeniedException KMSDisabledException KMSNotFoundException"
        ),
        QuotaExceededError: (
            "SnapshotLimitExceeded SnapshotQuotaExceeded SnapshotQuotaExceededFault VolumeLimitExceeded "
            "MaxIOPSLimitExceeded InstanceQuotaExceeded StorageQuotaExceeded DBClusterQuotaExceededFault "
            "DBClusterSnapshotQuotaExceededFault"
        ),
        AwsUnavailableError: (
            "RequestLimitExceeded Throttling ThrottlingException ThrottledException RequestThrottled "
            "TooManyRequestsException PriorRequestNotComplete EC2ThrottledException SlowDown RequestTimeout "
            "SnapshotCreationPerVolumeRateExceeded ConcurrentSnapshotLimitExceeded ConcurrentTagAccess "
            "PendingSnapshotLimitExceeded ResourceLimitExceeded InternalError InternalFailure InternalServerError "
            "ServiceUnavailable ServiceUnavailableException Unavailable OperationAbortedException"
        ),
        AwsExistsError: "ResourceAlreadyExistsException BucketAlreadyExists",
        AwsNotFoundError: "404 NoSuchBucket NoSuchKey NoSuchVersion NoSuchEntity",
    }.items()
    for code in codes.split()
}

_NEXT: dict[type[StrongroomError], str] = {
    AwsUnavailableError: "The job will be tried again; if it stays so, look at the service's health and quotas.",
    AwsBusyError: "The job will be tried again; see in the AWS console what is being done with it.",
    CredentialsError: "Check the access key of the region or source in the settings, or the role of this machine.",
    CredentialsExpiredError: "Give this machine a role, or set a new key and restart the service, then ask again.",
    PermissionMissingError: "Grant it as in docs/aws.md; `strongroom sources check NAME` names all that are missing.",
    KmsKeyRefusedError: "Check that the key exists and is enabled, and what its policy allows (docs/aws.md).",
    QuotaExceededError: "Delete what is not needed, or ask AWS for a higher quota.",
    AwsNotFoundError: "Check the id, the AWS region and the account.",
    AwsExistsError: "Choose another name, or delete the one that is there.",
    AwsRefusedError: "Check the settings that are named.",
}


@contextmanager
def translated(call: AwsCall, place: str) -> Iterator[None]:
    """Turn a botocore error raised inside into ours; `place` names region and thing for people."""
    # The AWS client is an extra: commands that need none of it start without.
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except ClientError as error:
        raise _of_answer(error.response, call, place) from error
    except (BotoCoreError, ResponseParserError) as error:
        name = type(error).__name__
        kind = CredentialsError if name in _NO_CREDENTIALS else AwsUnavailableError
        raise worded(kind, f"{call.permission} in {place}: {name}.") from error


def worded(kind: type[StrongroomError], what: str) -> StrongroomError:
    """Return an error of a kind with the next step that all of the kind have."""
    return kind(what, next_step=_NEXT[kind])


def code_of(error: BaseException | None) -> str:
    """Return the code of the AWS answer that an error came from, empty where there was none."""
    cause = error.__cause__ if isinstance(error, StrongroomError) else error
    answer = getattr(cause, "response", None)
    # Silence has a response as well: none, or what came of it before the connection was cut.
    return _code_in(answer) if isinstance(answer, dict) else ""


def _code_in(answer: Mapping[str, Any]) -> str:
    return str(answer.get("Error", {}).get("Code", ""))


def _of_answer(answer: Mapping[str, Any], call: AwsCall, place: str) -> StrongroomError:
    code = _code_in(answer)
    status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    words = str(answer.get("Error", {}).get("Message", ""))[:MOST_WORDS].rstrip(".")
    kind = _kind(code, status, words)
    if kind is PermissionMissingError:
        return worded(kind, f"The permission {call.permission} is missing in {place}: {words or code}.")
    return worded(kind, f"{call.permission} in {place}: {words or 'no words'} ({code or 'no code'}, HTTP {status}).")


def _kind(code: str, status: int, words: str) -> type[StrongroomError]:
    if code in _BY_CODE:
        kind = _BY_CODE[code]
        # Services that use a key on our behalf pass its refusal on under their own code.
        return KmsKeyRefusedError if kind is PermissionMissingError and "kms:" in words.lower() else kind
    if code.startswith("KMS."):
        # How S3 passes on what KMS said.
        return _BY_CODE.get(code.removeprefix("KMS."), KmsKeyRefusedError)
    if "NotFound" in code:
        return AwsNotFoundError
    if "AlreadyExist" in code or code.endswith(".Duplicate"):
        return AwsExistsError
    if "State" in code:
        return AwsBusyError
    return AwsUnavailableError if status >= 500 or not code else AwsRefusedError
