"""Settings of regions and of the keys that protect the data keys stored in them."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from strongroom.settings.aws import RegionAwsSettings
from strongroom.settings.fields import AnchoredPath, Flag, HttpUrl, Limit, Name, Section, Text


class KekSettings(Section):
    """Which key-encryption key (KEK) wraps the data keys of a region."""

    provider: Literal["local", "aws-kms", "vault-transit"] = Field(
        "local", description="Where the KEK is: in the key file, in AWS KMS, or in Vault or OpenBao."
    )
    key: Text = Field(
        description="Name of the KEK in the key file or Vault, else that of the region; or id, ARN or alias in KMS.",
        examples=["alias/strongroom"],
    )
    endpoint: HttpUrl | None = Field(
        None, description="Address of Vault, or of a KMS other than that of AWS.", examples=["https://kms.example.org"]
    )
    kms_region: Text | None = Field(None, description="AWS region of the KMS key.", examples=["eu-west-1"])
    access_key: SecretStr | None = Field(None, description="Access key id; without one the AWS default chain is used.")
    secret_key: SecretStr | None = Field(None, description="Secret of the access key.")
    token: SecretStr | None = Field(None, description="Token for Vault, with the right to encrypt and decrypt.")
    mount: Text | None = Field(
        None, description="Where Vault has its transit engine, if not at `transit`.", examples=["eu/transit"]
    )
    ca_file: AnchoredPath | None = Field(
        None, description="Certificates of the authorities to trust for Vault, in place of the system's."
    )

    @model_validator(mode="after")
    def _can_reach_vault(self) -> Self:
        if self.provider == "vault-transit" and (self.endpoint is None or self.token is None):
            raise PydanticCustomError("vault", "A KEK in Vault needs `endpoint` and `token_env`.")
        return self


_S3_ONLY = (
    "bucket",
    "endpoint",
    "s3_region",
    "access_key",
    "secret_key",
    "storage_class",
    "sse",
    "sse_kms_key",
    "object_lock",
    "object_lock_days",
)
_FOREIGN = {"directory": _S3_ONLY, "s3": ("path",)}


def _storage_class(name: str) -> str:
    if name in {"GLACIER", "DEEP_ARCHIVE"}:
        raise PydanticCustomError(
            "storage_class", "Objects in this class take hours to read, so that no copy could be verified or restored."
        )
    return name


StorageClass = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$"), AfterValidator(_storage_class)]


class RegionSettings(Section):
    """One region: a directory or an S3 bucket that holds whole copies of backups."""

    name: Name
    kind: Literal["directory", "s3"] = Field(
        "directory", description="What the region is: a directory or an S3 bucket."
    )
    home: Flag = Field(False, description="True for the region that backups are written to first; exactly one.")
    path: AnchoredPath | None = Field(
        None, description="The directory, for kind `directory`.", examples=["regions/eu-west-1"]
    )
    bucket: Text | None = Field(None, description="The bucket, for kind `s3`.", examples=["strongroom-eu-west-1"])
    prefix: str = Field("", description="What every object key in the bucket starts with.", examples=["backups/"])
    endpoint: HttpUrl | None = Field(
        None, description="Address of an S3 server other than AWS.", examples=["https://s3.example.org"]
    )
    s3_region: Text | None = Field(None, description="AWS region of the bucket.", examples=["eu-west-1"])
    access_key: SecretStr | None = Field(None, description="Access key id; without one the AWS default chain is used.")
    secret_key: SecretStr | None = Field(None, description="Secret of the access key.")
    storage_class: StorageClass | None = Field(
        None,
        description="S3 storage class of objects from 128 KiB on, one that is readable at once.",
        examples=["STANDARD_IA"],
    )
    sse: Literal["AES256", "aws:kms", "aws:kms:dsse"] | None = Field(
        None, description="How the store itself encrypts objects, on top of ours; else as the bucket is set."
    )
    sse_kms_key: Text | None = Field(
        None, description="KMS key that the store itself encrypts with.", examples=["alias/bucket"]
    )
    object_lock: Literal["governance", "compliance"] | None = Field(
        None, description="Mode in which objects are locked against removal; the bucket needs object lock."
    )
    object_lock_days: int | None = Field(
        None, strict=True, ge=1, le=36500, description="Days that objects stay locked.", examples=[30]
    )
    upload_mib_per_second: Limit | None = Field(
        None, description="MiB a second that all processes together may send to the region.", examples=[20]
    )
    download_mib_per_second: Limit | None = Field(
        None, description="MiB a second that all processes together may read from the region.", examples=[50]
    )
    requests_per_second: Limit | None = Field(
        None, description="Calls a second that all processes together may make to the region.", examples=[100]
    )
    kek: KekSettings = Field(description="The key-encryption key of this region.")
    aws: RegionAwsSettings | None = Field(None, description="Where AWS keeps snapshots that belong to the region.")

    @model_validator(mode="before")
    @classmethod
    def _name_the_kek(cls, raw: Any) -> Any:
        if not isinstance(raw, dict) or "name" not in raw:
            return raw
        kek = raw.get("kek", {})
        if not isinstance(kek, dict) or "key" in kek or kek.get("provider") == "aws-kms":
            return raw
        return raw | {"kek": kek | {"key": raw["name"]}}

    @model_validator(mode="after")
    def _has_a_place(self) -> Self:
        needed = "path" if self.kind == "directory" else "bucket"
        if getattr(self, needed) is None:
            raise PydanticCustomError("place_missing", f"A region of kind `{self.kind}` needs `{needed}`.")
        for field in _FOREIGN[self.kind]:
            if getattr(self, field) is not None:
                raise PydanticCustomError("foreign_key", f"A region of kind `{self.kind}` has no use for `{field}`.")
        if (self.access_key is None) != (self.secret_key is None):
            raise PydanticCustomError("half_a_key", "`access_key_env` and `secret_key_env` belong together.")
        if (self.object_lock is None) != (self.object_lock_days is None):
            raise PydanticCustomError("half_a_lock", "`object_lock` and `object_lock_days` belong together.")
        if self.sse_kms_key is not None and self.sse not in {"aws:kms", "aws:kms:dsse"}:
            raise PydanticCustomError("sse_kms_key", '`sse_kms_key` needs `sse = "aws:kms"`.')
        return self
