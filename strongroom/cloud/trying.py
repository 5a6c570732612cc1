"""Trying permissions by calls that change nothing, where the policy simulator does not tell what is allowed.

A refusal is certain, and so is any answer that comes after AWS has looked at permissions. The rest stays unknown.
"""

import re

from strongroom.aws.answers import code_of
from strongroom.aws.errors import (
    AwsExistsError,
    AwsNotFoundError,
    CredentialsError,
    KmsKeyRefusedError,
    PermissionMissingError,
)
from strongroom.cloud.findings import Answer, Finding
from strongroom.cloud.trials import TRIALS, WOULD_BE_DONE, NothingToTryError, Place
from strongroom.errors import StrongroomError

_TOO_LATE = {"InvalidRange", "416", "InvalidObjectState"}
"""An object that has no first byte, or is in an archive: said after the permission was looked at."""
_NAMED = re.compile(r"not authorized to perform:? ([a-z0-9-]+:[A-Za-z]+)")


def try_permission(place: Place, permission: str) -> Finding:
    """Return what trying it says; raises CredentialsError."""
    answer, why = _outcome(place, permission)
    return Finding(permission, place.client.region, answer, why)


def _outcome(place: Place, permission: str) -> tuple[Answer, str]:
    trial = TRIALS.get(permission)
    if trial is None:
        return Answer.UNKNOWN, "no call tries it without doing it"
    try:
        trial(place)
    except NothingToTryError:
        return Answer.UNKNOWN, "nothing is there yet to try it on"
    except CredentialsError:
        raise
    except (PermissionMissingError, KmsKeyRefusedError) as error:
        return _of_refusal(error, permission), error.what
    except StrongroomError as error:
        return (Answer.ALLOWED, "") if _came_after(error, permission) else (Answer.UNKNOWN, error.what)
    return Answer.ALLOWED, ""


def _of_refusal(error: StrongroomError, permission: str) -> Answer:
    """A call may need more than one permission, and AWS says which of them it was about."""
    named = _NAMED.search(error.what)
    return Answer.MISSING if named is None or named[1].lower() == permission.lower() else Answer.UNKNOWN


def _came_after(error: StrongroomError, permission: str) -> bool:
    """Say whether AWS gives an answer only to those who have the permission."""
    names_nothing = permission.startswith(("rds:", "s3:")) and isinstance(error, AwsNotFoundError | AwsExistsError)
    return names_nothing or code_of(error) in WOULD_BE_DONE | _TOO_LATE
