"""Bodies and answers of logins and second factors; a field that nobody knows is refused."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, SecretStr

from api.bodies import Body
from strongroom.accounts.login import LoginAnswer
from strongroom.accounts.sessions import TokenPair


class Credentials(Body):
    """Who logs in."""

    username: str
    password: SecretStr


class SecondStep(Body):
    """The token that a right password gave, and a code of the app or a backup code."""

    mfa_token: SecretStr
    code: SecretStr


class RefreshBody(Body):
    """The refresh token that came last."""

    refresh_token: SecretStr


class CodeBody(Body):
    """A code of the app, or a backup code."""

    code: SecretStr


class EnableBody(Body):
    """A code of the second factor that is to be replaced, where there is one."""

    code: SecretStr | None = None


class DisableBody(Body):
    """What switching a second factor off takes."""

    password: SecretStr
    code: SecretStr


class TokensDocument(BaseModel):
    """A session: the access token is good for `expires_in` seconds, the refresh token once."""

    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 -- the word of RFC 6749, not a token
    expires_in: int

    @classmethod
    def of(cls, pair: TokenPair) -> "TokensDocument":
        """Write down the tokens of a session."""
        return cls(access_token=pair.access_token, refresh_token=pair.refresh_token, expires_in=pair.expires_in)


class ChallengeDocument(BaseModel):
    """The password was right; a code is awaited at `/api/v1/auth/login/mfa-verify`."""

    mfa_required: Literal[True] = True
    mfa_token: str
    expires_in: int


class EnrollDocument(BaseModel):
    """The password was right; a second factor has to be enrolled first, with this token as bearer."""

    mfa_enrollment_required: Literal[True] = True
    enroll_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 -- the word of RFC 6749, not a token
    expires_in: int


LoginDocument = TokensDocument | ChallengeDocument | EnrollDocument


def login_document(answer: LoginAnswer) -> LoginDocument:
    """Write down what a right password gives."""
    if answer.mfa_token is not None:
        return ChallengeDocument(mfa_token=answer.mfa_token, expires_in=answer.expires_in)
    if answer.enroll_token is not None:
        return EnrollDocument(enroll_token=answer.enroll_token, expires_in=answer.expires_in)
    if answer.pair is None:
        raise AssertionError("a login gives one of three things")
    return TokensDocument.of(answer.pair)


class EnrolmentDocument(BaseModel):
    """A new secret for an app, shown once; it counts when `/api/v1/auth/mfa/confirm` is sent its first code."""

    model_config = ConfigDict(from_attributes=True)

    secret: str
    otpauth_uri: str
    qr_code: str
    """PNG, in base64."""
    qr_code_svg: str
    expires_in: int


class BackupCodesDocument(BaseModel):
    """Ten backup codes, shown once; each is good once."""

    backup_codes: list[str]


class ConfirmedDocument(BackupCodesDocument):
    """The second factor counts from now on."""

    mfa_enabled: Literal[True] = True


class DisabledDocument(BaseModel):
    """The second factor is gone."""

    mfa_enabled: Literal[False] = False


class VerifiedDocument(BaseModel):
    """The code was right and is used up."""

    verified: Literal[True] = True
    method: str
    """totp or backup_code."""


class MfaStatusDocument(BaseModel):
    """How the account stands."""

    model_config = ConfigDict(from_attributes=True)

    mfa_enabled: bool
    mfa_required: bool
    confirmed_at: datetime | None
    last_used_at: datetime | None
    backup_codes_remaining: int
    warning: str | None


class EndedDocument(BaseModel):
    """How many sessions were ended."""

    ended: int
