"""Settings of regions and of the keys that protect the data keys stored in them."""

from typing import Any, Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from strongroom.settings.fields import AnchoredPath, Flag, HttpUrl, Limit, Name, Section, Text


class KekSettings(Section):
    """Which key-encryption key (KEK) wraps the data keys of a region."""

    provider: Literal["local", "aws-kms"] = Field(
        "local", description="Where the KEK is: in the key file, or in AWS KMS."
    )
    key: Text = Field(
        description="Name of the KEK in the key file, by default that of the region; or id, ARN or alias in KMS.",
        examples=["alias/strongroom"],
    )
    endpoint: HttpUrl | None = Field(
        None, description="Address of a KMS other than that of AWS.", examples=["https://kms.example.org"]
    )
    kms_region: Text | None = Field(None, description="AWS region of the KMS key.", examples=["eu-west-1"])
    access_key: SecretStr | None = Field(None, description="Access key id; without one the AWS default chain is used.")
    secret_key: SecretStr | None = Field(None, description="Secret of the access key.")


_FOREIGN = {"directory": ("bucket", "endpoint", "s3_region", "access_key", "secret_key"), "s3": ("path",)}


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
        return self
