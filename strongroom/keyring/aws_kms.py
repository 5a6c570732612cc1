"""A KEK in AWS KMS: it wraps data keys and never leaves KMS. Data itself is never sent there."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from strongroom.keyring.aws_kms_errors import translated
from strongroom.keyring.errors import WrongKeyError
from strongroom.keyring.provider import WrappedKey
from strongroom.keyring.secret import SecretKey

if TYPE_CHECKING:
    from types_boto3_kms import KMSClient


class AwsKmsKekProvider:
    """Wraps under one symmetric KMS key, given by id, ARN or alias.

    A wrapped key is the ciphertext blob of KMS; its version is the id of the KMS key, the last part of the ARN. The
    yearly rotation inside KMS keeps that id; an alias moved to another key changes it.
    """

    name = "aws-kms"

    def __init__(self, client: "KMSClient", key_id: str) -> None:
        self._client = client
        self._key_id = key_id

    def current_version(self) -> str:
        with translated(self._key_id):
            return self._client.describe_key(KeyId=self._key_id)["KeyMetadata"]["KeyId"]

    def generate(self, context: Mapping[str, str]) -> tuple[SecretKey, WrappedKey]:
        with translated(self._key_id):
            made = self._client.generate_data_key(KeyId=self._key_id, KeySpec="AES_256", EncryptionContext=context)
        return SecretKey(made["Plaintext"]), self._wrapped(made["KeyId"], made["CiphertextBlob"])

    def wrap(self, key: SecretKey, context: Mapping[str, str]) -> WrappedKey:
        with translated(self._key_id):
            sealed = self._client.encrypt(KeyId=self._key_id, Plaintext=key.reveal(), EncryptionContext=context)
        return self._wrapped(sealed["KeyId"], sealed["CiphertextBlob"])

    def unwrap(self, wrapped: WrappedKey, context: Mapping[str, str]) -> SecretKey:
        key_id = self._id_of(wrapped)
        with translated(key_id):
            opened = self._client.decrypt(KeyId=key_id, CiphertextBlob=wrapped.ciphertext, EncryptionContext=context)
        return SecretKey(opened["Plaintext"])

    def rewrap(self, wrapped: WrappedKey, context: Mapping[str, str]) -> WrappedKey:
        key_id = self._id_of(wrapped)
        with translated(key_id):
            moved = self._client.re_encrypt(
                CiphertextBlob=wrapped.ciphertext,
                SourceKeyId=key_id,
                SourceEncryptionContext=context,
                DestinationKeyId=self._key_id,
                DestinationEncryptionContext=context,
            )
        return self._wrapped(moved["KeyId"], moved["CiphertextBlob"])

    def _id_of(self, wrapped: WrappedKey) -> str:
        if wrapped.provider != self.name:
            raise WrongKeyError(
                f"This key was wrapped by {wrapped.provider[:64]!r}, not by AWS KMS.",
                next_step="Set the provider of the region's key to the one the backup was made with.",
            )
        # A key of another account is only found by its whole ARN.
        account, separator, _ = self._key_id.partition(":alias/" if ":alias/" in self._key_id else ":key/")
        return f"{account}:key/{wrapped.version}" if separator else wrapped.version

    def _wrapped(self, arn: str, ciphertext: bytes) -> WrappedKey:
        return WrappedKey(self.name, arn.rpartition("/")[2], ciphertext)
