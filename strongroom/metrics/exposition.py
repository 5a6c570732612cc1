"""Families as text: in Prometheus' own format, or as OpenMetrics for whoever asks for that."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder


@dataclass(frozen=True, slots=True)
class Exposition:
    """The body of an answer, and what its Content-Type has to say."""

    body: bytes
    content_type: str


class _Together(CollectorRegistry):
    """What the encoders take: something that yields families."""

    def __init__(self, families: Sequence[Metric]) -> None:
        super().__init__()
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families


def expose(families: Iterable[Metric], accept: str) -> Exposition:
    """Write families in the format that an Accept header asks for."""
    encode, content_type = choose_encoder(accept)
    return Exposition(encode(_Together(list(families))), content_type)
