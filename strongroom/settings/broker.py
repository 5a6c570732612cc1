"""Settings of the message broker: where it is, and how the way to it is protected."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field, SecretStr

from strongroom.settings.environment import check_scheme, resolve_secrets
from strongroom.settings.fields import AnchoredPath, Flag, Section, Text
from strongroom.settings.findings import Findings

VARIABLE = "STRONGROOM_BROKER_URL"
SENTINEL = "sentinel"
SCHEMES = ("redis", "rediss", "redis+socket", SENTINEL, "amqp", "amqps")
_ALWAYS_TLS = frozenset({"rediss", "amqps"})
_CERTIFICATES = ("ca_file", "cert_file", "key_file")


class BrokerSettings(Section):
    """The Celery broker: Redis, Valkey or RabbitMQ."""

    url: SecretStr | None = Field(None, description="Address of the broker, where STRONGROOM_BROKER_URL is not set.")
    master: Text | None = Field(
        None, description="Name of the master that Redis Sentinel watches.", examples=["strongroom"]
    )
    sentinel_password: SecretStr | None = Field(None, description="Password of the sentinels, if they ask for one.")
    tls: Flag = Field(False, description="Whether `sentinel://` means TLS; `rediss://` and `amqps://` always do.")
    ca_file: AnchoredPath | None = Field(
        None,
        description="Certificates of the authorities to trust, in place of the system's.",
        examples=["/etc/strongroom/broker-ca.pem"],
    )
    cert_file: AnchoredPath | None = Field(
        None, description="Certificate to show to the broker.", examples=["/etc/strongroom/broker.pem"]
    )
    key_file: AnchoredPath | None = Field(
        None, description="Private key of that certificate.", examples=["/etc/strongroom/broker.key"]
    )

    @property
    def address(self) -> str:
        """Return the address, password included; several are joined by `;`."""
        return self.url.get_secret_value() if self.url else ""

    @property
    def schemes(self) -> frozenset[str]:
        """Return what the address begins with."""
        return frozenset(urlsplit(part).scheme for part in self.address.split(";"))

    @property
    def is_sentinel(self) -> bool:
        """Say whether the address is that of Redis Sentinel."""
        return SENTINEL in self.schemes

    @property
    def is_rabbitmq(self) -> bool:
        """Say whether the broker is RabbitMQ."""
        return bool(self.schemes & {"amqp", "amqps"})

    @property
    def is_encrypted(self) -> bool:
        """Say whether the way to the broker is TLS."""
        return bool(self.schemes & _ALWAYS_TLS) or (self.is_sentinel and self.tls)


def read_broker(
    table: dict[str, Any], env: Mapping[str, str], data_dir: Path, findings: Findings
) -> BrokerSettings | None:
    """Return the broker's settings: the address from the environment, by default a socket in `data_dir`."""
    resolved = resolve_secrets(BrokerSettings, table, ("broker",), env, findings)
    if env.get(VARIABLE):
        resolved["url"] = SecretStr(env[VARIABLE])
    resolved.setdefault("url", SecretStr(f"redis+socket://{data_dir / 'broker.sock'}"))
    broker = findings.check(BrokerSettings, resolved, ("broker",))
    if broker is not None and broker.address:
        _check_address(broker, VARIABLE if env.get(VARIABLE) else table.get("url_env", VARIABLE), findings)
        _check_certificates(broker, findings)
    return broker


def _check_address(broker: BrokerSettings, variable: str, findings: Findings) -> None:
    for address in broker.address.split(";"):
        check_scheme(variable, address, SCHEMES, findings)
        if any(name.startswith("ssl") for name, _ in parse_qsl(urlsplit(address).query, keep_blank_values=True)):
            what = "The address says how certificates are checked."
            findings.add_variable(variable, what, "They always are; set `ca_file` in [broker] instead.")
    if len(broker.schemes) > 1:
        findings.add_variable(variable, "These addresses are of different kinds.", "Begin all of them the same way.")
    if broker.is_sentinel and broker.master is None:
        findings.add(
            ("broker", "master"),
            "The sentinels watch a master by its name.",
            'Write for example `master = "mymaster"`.',
        )
    if not broker.is_sentinel:
        for name in ("master", "sentinel_password", "tls"):
            if getattr(broker, name):
                findings.add(("broker", name), "This is for Redis Sentinel.", "Begin the address with sentinel://.")


def _check_certificates(broker: BrokerSettings, findings: Findings) -> None:
    for name in _CERTIFICATES:
        path: Path | None = getattr(broker, name)
        if path is None:
            continue
        if not path.is_file():
            findings.add(("broker", name), f"There is no file {path}.", "Name a file in PEM format.")
        if not broker.is_encrypted:
            instead = "Set `tls = true`." if broker.is_sentinel else "Begin the address with rediss:// or amqps://."
            findings.add(("broker", name), "The way to this broker is not encrypted.", instead)
    if (broker.cert_file is None) != (broker.key_file is None):
        missing = "key_file" if broker.cert_file else "cert_file"
        findings.add(("broker", missing), "A certificate and its key belong together.", "Name both, or neither.")
