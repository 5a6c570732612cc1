"""Bodies over connections that break: resumed where they broke, on the same object, or given up."""

from io import BytesIO
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, IncompleteReadError

from strongroom.aws.answers import worded
from strongroom.aws.calls import AwsCall
from strongroom.aws.client import AwsClient
from strongroom.aws.errors import AwsRefusedError, AwsUnavailableError
from strongroom.aws.reading import MOST_BREAKS, ObjectBody, ObjectChangedError

CONTENT = bytes(range(256)) * 40
WHERE = {"Bucket": "b", "Key": "k"}


class Breaking(BytesIO):
    """A body that breaks after so many bytes."""

    def __init__(self, content: bytes, after: int) -> None:
        super().__init__(content)
        self._after = after

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() >= self._after:
            raise IncompleteReadError(actual_bytes=self.tell(), expected_bytes=len(self.getvalue()))
        return super().read(min(size or 0, self._after - self.tell()))


class Server:
    """Answers GetObject with bodies that break, and notes what was asked."""

    region = "eu-west-1"

    def __init__(self, after: int, *, changes: bool = False) -> None:
        self._after, self._changes = after, changes
        self.asked: list[dict[str, Any]] = []

    def call(self, call: AwsCall, **where: Any) -> dict[str, Any]:
        self.asked.append(where)
        start = int(where.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        if start and self._changes:
            answer = ClientError({"Error": {"Code": "PreconditionFailed"}}, "GetObject")
            raise worded(AwsRefusedError, "the ETag differs") from answer
        rest = CONTENT[start:]
        return {"Body": Breaking(rest, self._after), "ContentLength": len(rest), "ETag": '"e"'}


def read(server: Server) -> bytes:
    body = ObjectBody(cast("AwsClient", server), AwsCall.GET_OBJECT, WHERE)
    view, found = memoryview(bytearray(1000)), b""
    while count := body.readinto(view):
        found += view[:count]
    return found


def test_a_body_is_resumed_where_it_broke_on_the_same_object() -> None:
    server = Server(after=4000)
    assert read(server) == CONTENT
    assert [(asked.get("Range"), asked.get("IfMatch")) for asked in server.asked] == [
        (None, None),
        ("bytes=4000-10239", '"e"'),
        ("bytes=8000-10239", '"e"'),
    ]


def test_a_connection_that_gives_nothing_is_given_up() -> None:
    server = Server(after=0)
    with pytest.raises(AwsUnavailableError, match="connection broke"):
        read(server)
    assert len(server.asked) == 1 + MOST_BREAKS


def test_an_object_that_was_replaced_meanwhile_is_not_mixed_with_the_new_one() -> None:
    with pytest.raises(ObjectChangedError):
        read(Server(after=4000, changes=True))
