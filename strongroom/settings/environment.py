"""What the environment says: where the file is, addresses and secrets."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from strongroom.settings.errors import ConfigNotFoundError
from strongroom.settings.fields import Section
from strongroom.settings.findings import Findings, is_secret
from strongroom.settings.metrics import MULTIPROCESS_DIRECTORY
from strongroom.settings.places import KeyPath
from strongroom.settings.secret_files import EnvironmentWithFiles

DEFAULT_FILE = Path("strongroom.toml")

VARIABLES = {
    "STRONGROOM_CONFIG": "Path of the configuration file, where `--config` is not given.",
    "STRONGROOM_CATALOG_URL": "Address of the catalog database; by default an SQLite file in `data_dir`.",
    "STRONGROOM_BROKER_URL": "Address of the Celery broker; by default a socket in `data_dir`.",
    "MFA_ENABLED": "Whether operators can have a second factor: true or false; by default false.",
    "MFA_ISSUER_NAME": "What authenticator apps call this installation; by default Strongroom.",
    "MFA_REQUIRED_FOR_ADMIN": "Whether administrators must have a second factor where there are any; by default true.",
    "MFA_TOTP_WINDOW_STEPS": "Steps of 30 s that a code may be early or late: 0, 1 or 2; by default 1.",
    "FORWARDED_ALLOW_IPS": (
        "Addresses or networks of the proxies before the API, whose `X-Forwarded-For` is believed; by default nobody's."
    ),
    "STRONGROOM_FLOWER_PASSWORD": "Password of Flower's login, at least 8 characters.",
    "STRONGROOM_CRYPTO_FILE": "The file of column keys, before what `[column_keys]` says.",
    "STRONGROOM_ENVIRONMENT": "Environment whose file of column keys is meant, such as `production`.",
    "LOG_LEVEL": "The least that processes log: DEBUG, INFO, WARNING, ERROR or CRITICAL; by default INFO.",
    "LOG_FORMAT": "`json`, `human`, or `auto`: people on a terminal, JSON everywhere else; by default auto.",
    "DEBUG": "`true` means LOG_LEVEL=DEBUG where LOG_LEVEL is not set; it changes nothing else.",
    "OTEL_EXPORTER_OTLP_ENDPOINT": (
        "Where spans go, such as `http://127.0.0.1:4318`; "
        "where none is set there are no spans. Needs `strongroom[otel]`."
    ),
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "The same with its path, in place of the one above.",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "`http/protobuf`; spans are sent by no other protocol.",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "The same.",
    "OTEL_TRACES_EXPORTER": "`none` turns the export off.",
    "OTEL_SDK_DISABLED": "`true` turns the export off.",
    "OTEL_SERVICE_NAME": "What collectors call every process; by default `api`, `worker` and so on.",
    "REDIS_HOST": "Host of the Redis that keeps one-time sessions; by default the broker, if that is a Redis.",
    "REDIS_PORT": "Port of that Redis, by default 6379.",
    "REDIS_DB": "Number of the database in it, by default 0.",
    "REDIS_PASSWORD": "Password of that Redis.",
    "SESSION_ID_FORMAT": "Form of the ids of one-time sessions: `token` (256 random bits), or `uuid4` for old clients.",
    "PROMETHEUS_MULTIPROC_DIR": "Directory in which several processes of the API count requests together.",
    "STRONGROOM_SECRETS_PASSPHRASE": "Passphrase of sealed copies of the column keys, at least 12 characters.",
}
"""Every variable the settings read, besides those that the file names in its `*_env` keys."""

_CATALOG_SCHEMES = ("sqlite", "postgresql", "postgresql+psycopg")


def count_in(folder: str) -> None:
    """Have the processes that this one starts count requests together in a directory."""
    os.environ[MULTIPROCESS_DIRECTORY] = folder


def process_environment() -> Mapping[str, str]:
    """Return the environment of this process, secrets in files included; the one place that reads it."""
    return EnvironmentWithFiles(os.environ)


def find_config(explicit: Path | None, env: Mapping[str, str]) -> Path:
    """Return the path of the configuration file: the given one, STRONGROOM_CONFIG, or strongroom.toml right here.

    Raises ConfigNotFoundError.
    """
    path = explicit or Path(env.get("STRONGROOM_CONFIG") or DEFAULT_FILE)
    try:
        if path.is_file():
            return path.absolute()
    except OSError as error:
        raise ConfigNotFoundError(
            f"The configuration file {path} cannot be looked for: {error.strerror}.",
            next_step="Run this as a user that may enter its directory, or name another with --config.",
        ) from error
    raise ConfigNotFoundError(
        f"There is no configuration file {path}.",
        next_step="Create one with `strongroom init`, or name it with --config or STRONGROOM_CONFIG.",
    )


def resolve_secrets(
    model: type[Section], table: dict[str, Any], path: KeyPath, env: Mapping[str, str], findings: Findings
) -> dict[str, Any]:
    """Replace each `NAME_env = VARIABLE` of a table by the secret in it; note secrets that are missing or in clear."""
    resolved = dict(table)
    for name, field in model.model_fields.items():
        if not is_secret(field):
            continue
        if resolved.pop(name, None) is not None:
            findings.add(
                (*path, name), "Secrets do not belong in the file.", f'Write `{name}_env = "VARIABLE"` instead.'
            )
        variable = resolved.pop(f"{name}_env", None)
        if variable is not None:
            resolved[name] = _secret_in(variable, (*path, f"{name}_env"), env, findings)
    return resolved


def _secret_in(variable: Any, path: KeyPath, env: Mapping[str, str], findings: Findings) -> SecretStr:
    if not isinstance(variable, str):
        findings.add(
            path, "This is not the name of a variable.", f'Write for example `{path[-1]} = "SHOP_DB_PASSWORD"`.'
        )
    elif not env.get(variable):
        findings.add(path, f"The environment variable {variable} is not set.", "Set it, or name another one.")
    return SecretStr(env.get(str(variable), ""))


def service_secret(variable: str, shortest: int, env: Mapping[str, str], findings: Findings) -> SecretStr | None:
    """Return a secret of the service's own, or None where it is not set."""
    value = env.get(variable)
    if value and len(value) < shortest:
        findings.add_variable(variable, f"This has fewer than {shortest} characters.", "Make a longer one, at random.")
        return None
    return SecretStr(value) if value else None


def catalog_url(env: Mapping[str, str], data_dir: Path, findings: Findings) -> SecretStr:
    """Return the address of the catalog database."""
    default = f"sqlite:///{data_dir / 'catalog.db'}"
    return _address("STRONGROOM_CATALOG_URL", default, _CATALOG_SCHEMES, env, findings)


def _address(
    variable: str, default: str, schemes: tuple[str, ...], env: Mapping[str, str], findings: Findings
) -> SecretStr:
    address = env.get(variable) or default
    check_scheme(variable, address, schemes, findings)
    return SecretStr(address)


def check_scheme(variable: str, address: str, schemes: tuple[str, ...], findings: Findings) -> None:
    """Note an address that does not begin with one of `schemes`."""
    if urlsplit(address).scheme not in schemes:
        known = ", ".join(f"{scheme}://" for scheme in schemes)
        findings.add_variable(variable, "This address begins with an unknown scheme.", f"Begin it with one of {known}")
