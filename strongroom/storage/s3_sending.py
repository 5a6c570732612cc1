"""How a body gets onto the wire: from where it lies, in pieces that grow while the line is quick.

Left to itself, urllib3 asks a body for 16 KiB at a time: a copy, a call of the system and a wait for Python's lock for
each of them, five hundred times for a pack. One piece for a whole body will not do either, because the socket gives up
when a single piece takes longer than connecting may.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from strongroom.storage.throttle import SLICE_BYTES, PacedBody

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

LARGEST_PIECE = 1024 * 1024
QUICK_SECONDS = 0.1
"""A piece that is gone within this time is followed by one of twice its size; any other by one of the smallest."""


class Pieces:
    """A body as urllib3 takes it when it is to send what it is given; a body with `read` would be read instead."""

    def __init__(self, body: PacedBody) -> None:
        self._body = body

    def __iter__(self) -> Iterator[memoryview]:
        size = SLICE_BYTES
        while piece := self._body.take(size):
            began = self._body.monotonic()
            yield piece
            is_quick = self._body.monotonic() - began < QUICK_SECONDS and not self._body.is_paced
            size = min(2 * size, LARGEST_PIECE) if is_quick else SLICE_BYTES

    def seek(self, offset: int) -> None:
        """Go back, as botocore wants it before it sends a request again."""
        self._body.seek(offset)


def send_in_pieces(client: "S3Client") -> None:
    """Have this client send the bodies that S3Bucket gives it in pieces."""
    client.meta.events.register("before-send.s3.PutObject", _divide)


def _divide(request: Any, **_: Any) -> None:
    if isinstance(request.body, PacedBody):
        request.body = Pieces(request.body)
