"""What an answer of AWS KMS, or its silence, means for a key."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)

from strongroom.errors import StrongroomError
from strongroom.keyring.errors import (
    KeyDisabledError,
    KeyProviderDeniedError,
    KeyProviderUnavailableError,
    KeyVersionNotFoundError,
    WrongKeyError,
)

_BAD_SETTINGS = (NoCredentialsError, NoRegionError, PartialCredentialsError, CredentialRetrievalError)

_BY_CODE: dict[str, type[StrongroomError]] = {
    "InvalidCiphertextException": WrongKeyError,
    "IncorrectKeyException": WrongKeyError,
    "NotFoundException": KeyVersionNotFoundError,
    "DisabledException": KeyDisabledError,
    "KMSInvalidStateException": KeyDisabledError,
    "InvalidKeyUsageException": KeyProviderDeniedError,
    "KeyUnavailableException": KeyProviderUnavailableError,
    "DependencyTimeoutException": KeyProviderUnavailableError,
    "LimitExceededException": KeyProviderUnavailableError,
    "ThrottlingException": KeyProviderUnavailableError,
    "RequestLimitExceeded": KeyProviderUnavailableError,
}
_WORDS: dict[type[StrongroomError], tuple[str, str]] = {
    WrongKeyError: (
        "did not make this wrapped key, or made it for another backup",
        "Check that the region names the KMS key its backups were made with.",
    ),
    KeyVersionNotFoundError: (
        "does not exist",
        "Check the key id or alias, the account and the KMS region of the region's settings.",
    ),
    KeyDisabledError: (
        "is disabled or waits for its deletion",
        "Enable it, or cancel its deletion, in AWS KMS; backups under it cannot be read until then.",
    ),
    KeyProviderDeniedError: (
        "may not be used so",
        "Check the access key and KMS region, and allow DescribeKey, GenerateDataKey, Encrypt, Decrypt and ReEncrypt*.",
    ),
    KeyProviderUnavailableError: (
        "could not be used now",
        "Check the KMS endpoint and its request quota; the job will be tried again.",
    ),
}


@contextmanager
def translated(key_id: str) -> Iterator[None]:
    """Turn a botocore error raised inside into the KekProvider contract's error."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        raise _worded(_kind(code, status), key_id, f"{code or 'no code'}, HTTP {status}") from error
    except _BAD_SETTINGS as error:
        raise _worded(KeyProviderDeniedError, key_id, type(error).__name__) from error
    except BotoCoreError as error:
        raise _worded(KeyProviderUnavailableError, key_id, type(error).__name__) from error


def _kind(code: str, status: int) -> type[StrongroomError]:
    if code in _BY_CODE:
        return _BY_CODE[code]
    return KeyProviderDeniedError if 300 <= status < 500 else KeyProviderUnavailableError


def _worded(kind: type[StrongroomError], key_id: str, reason: str) -> StrongroomError:
    finding, next_step = _WORDS[kind]
    return kind(f"AWS KMS key {key_id} {finding} ({reason}).", next_step=next_step)
