"""One way to call AWS: timeouts, retries of what passes, pages, and errors in our words."""

import functools
import importlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from strongroom.aws.answers import translated
from strongroom.aws.calls import AwsCall
from strongroom.settings.aws import AwsAccessSettings

CONNECT_SECONDS = 5
READ_SECONDS = 30
ATTEMPTS = 4
"""botocore repeats what passes, throttling among it, with a growing wait; what remains is the job's to repeat."""


@dataclass(frozen=True, slots=True)
class AwsAccess:
    """Where AWS is asked and as whom; without an access key the AWS default chain decides."""

    region: str
    endpoint: str | None = None
    access_key: SecretStr | None = None
    secret_key: SecretStr | None = None
    session_token: SecretStr | None = None


def access_of(settings: AwsAccessSettings, default_region: str) -> AwsAccess:
    """Return the access that settings describe."""
    return AwsAccess(
        settings.region or default_region,
        settings.endpoint,
        settings.access_key,
        settings.secret_key,
        settings.session_token,
    )


class AwsClient:
    """Calls in one AWS region. Make one for each attempt of a job: credentials that changed meanwhile are read anew.

    Threads may share it.
    """

    def __init__(self, access: AwsAccess) -> None:
        self.region = access.region
        self._access = access
        self._clients: dict[tuple[str, bool], Any] = {}
        self._lock = threading.Lock()

    def call(self, call: AwsCall, **parameters: Any) -> dict[str, Any]:
        """Make a call and return its answer; raises the errors of strongroom.aws.errors."""
        client = self._service(call.service, repeats=call.repeatable)
        with translated(call, self.region):
            answer: dict[str, Any] = getattr(client, call.method)(**parameters)
            return answer

    def pages(self, call: AwsCall, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Yield every page of a call's answer; raises the errors of strongroom.aws.errors."""
        client = self._service(call.service)
        with translated(call, self.region):
            yield from client.get_paginator(call.method).paginate(**parameters)

    def items(self, call: AwsCall, key: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Yield what stands under `key` on every page."""
        for page in self.pages(call, **parameters):
            yield from page.get(key, [])

    def _service(self, service: str, *, repeats: bool = True) -> Any:
        with self._lock:
            if (service, repeats) not in self._clients:
                self._clients[service, repeats] = self._open(service, ATTEMPTS if repeats else 1)
            return self._clients[service, repeats]

    def _open(self, service: str, attempts: int) -> Any:
        # Loaded by name: the stubs know a fixed list of services, and loading takes a while.
        boto3, botocore = importlib.import_module("boto3"), importlib.import_module("botocore.session")
        described = botocore.Session()
        described.register_component("data_loader", _descriptions())
        config = importlib.import_module("botocore.config").Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": attempts},
            tcp_keepalive=True,
            max_pool_connections=16,
            # botocore's default CRC32 trailer breaks S3 servers other than AWS; what is read is checked by its reader.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": "path" if self._access.endpoint else "auto"},
        )
        access = self._access
        session = boto3.session.Session(
            _clear(access.access_key),
            _clear(access.secret_key),
            _clear(access.session_token),
            region_name=access.region,
            botocore_session=described,
        )
        return session.client(service, endpoint_url=access.endpoint, config=config)


@functools.cache
def _descriptions() -> Any:
    """Return what reads botocore's descriptions of services: large files, the same for all, read once a process."""
    return importlib.import_module("botocore.loaders").create_loader()


def _clear(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
