"""What a call to AWS can end in."""

from strongroom.errors import (
    ConflictError,
    InvalidInputError,
    NotAllowedError,
    NotFoundError,
    StrongroomError,
    UnavailableError,
)


class AwsUnavailableError(UnavailableError):
    """AWS did not answer, asked for fewer calls, or does what it was asked for something else."""

    code = "aws.unavailable"


class AwsBusyError(UnavailableError):
    """The thing is in a state in which it cannot be worked on now, such as a database that is being changed."""

    code = "aws.busy"


class CredentialsError(NotAllowedError):
    """AWS knows no access key, or refuses the one that is configured."""

    code = "aws.credentials"


class CredentialsExpiredError(CredentialsError):
    """The access key was good for a time that is over."""

    code = "aws.credentials_expired"


class PermissionMissingError(NotAllowedError):
    """The access key is good, but may not make this call."""

    code = "aws.permission_missing"


class KmsKeyRefusedError(NotAllowedError):
    """AWS may not use the KMS key for this: its policy refuses, or it is disabled, deleted or elsewhere."""

    code = "aws.kms_key_refused"


class QuotaExceededError(StrongroomError):
    """The account may not have more of these."""

    code = "aws.quota_exceeded"


class AwsNotFoundError(NotFoundError):
    """AWS does not know the thing, in this account and region."""

    code = "aws.not_found"


class AwsExistsError(ConflictError):
    """Something of this name exists already."""

    code = "aws.exists"


class AwsRefusedError(InvalidInputError):
    """AWS refused the call for another reason, which it names."""

    code = "aws.refused"
