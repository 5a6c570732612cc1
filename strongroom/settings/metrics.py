"""Settings of metrics: who may read them, and where they are served by a process of their own."""

from typing import Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from strongroom.settings.fields import Port, Section, Text
from strongroom.settings.named_secrets import NamedSecret, SecretPath, VariableName

MULTIPROCESS_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
"""Named by the client library of Prometheus, which reads it too."""


class MetricsSettings(Section):
    """Metrics for Prometheus."""

    token_env: VariableName | None = Field(
        None, description="Variable with a token that opens `/metrics` and nothing else.", examples=["SCRAPE_TOKEN"]
    )
    token_file: SecretPath | None = Field(
        None, description="File of mode 600 with that token.", examples=["/etc/strongroom/scrape-token"]
    )
    host: Text = Field("127.0.0.1", description="Address that `python -m api metrics` listens on, without a token.")
    port: Port = Field(9440, description="Port that `python -m api metrics` listens on.")

    @model_validator(mode="after")
    def _has_one_place(self) -> Self:
        if self.token_env is not None and self.token_file is not None:
            raise PydanticCustomError("token", "Name `token_env` or `token_file`, not both.")
        return self

    @property
    def token(self) -> NamedSecret:
        """Return where the token is, if there is one."""
        return NamedSecret("token", self.token_env, self.token_file)
