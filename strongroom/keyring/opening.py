"""From a region's settings to the provider of its key-encryption key."""

from typing import TYPE_CHECKING

from pydantic import SecretStr

from strongroom.keyring.errors import ClientMissingError
from strongroom.keyring.key_file import KeyFile
from strongroom.keyring.local import LocalKekProvider
from strongroom.keyring.provider import KekProvider

if TYPE_CHECKING:
    from strongroom.settings.regions import KekSettings


def open_kek(settings: "KekSettings", key_file: KeyFile) -> KekProvider:
    """Make the provider; the key file is read, or KMS asked, only when a key is needed.

    Raises ClientMissingError where the library that speaks to the key service is missing.
    """
    if settings.provider == "local":
        return LocalKekProvider(key_file, settings.key)
    return _open_aws_kms(settings) if settings.provider == "aws-kms" else _open_vault_transit(settings)


def _open_aws_kms(settings: "KekSettings") -> KekProvider:
    # boto3 takes 0.3 s to import, and it is an optional dependency.
    try:
        from strongroom.keyring.aws_kms import AwsKmsKekProvider
        from strongroom.keyring.aws_kms_client import kms_client
        from strongroom.keyring.aws_kms_errors import translated
    except ModuleNotFoundError as error:
        raise ClientMissingError(
            f"The key {settings.key!r} is in AWS KMS, but boto3 is not installed.",
            next_step="Install it: `pip install 'strongroom[aws]'`.",
        ) from error
    with translated(settings.key):
        client = kms_client(
            endpoint=settings.endpoint,
            kms_region=settings.kms_region,
            access_key=_revealed(settings.access_key),
            secret_key=_revealed(settings.secret_key),
        )
    return AwsKmsKekProvider(client, settings.key)


def _open_vault_transit(settings: "KekSettings") -> KekProvider:
    try:
        from strongroom.keyring.vault_transit import MOUNT, VaultTransitKekProvider, transit_client
    except ModuleNotFoundError as error:
        raise ClientMissingError(
            f"The key {settings.key!r} is in Vault, but httpx is not installed.",
            next_step="Install it: `pip install 'strongroom[vault]'`.",
        ) from error
    ca_file = None if settings.ca_file is None else str(settings.ca_file)
    client = transit_client(settings.endpoint or "", _revealed(settings.token) or "", ca_file)
    return VaultTransitKekProvider(client, settings.key, mount=settings.mount or MOUNT)


def _revealed(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
