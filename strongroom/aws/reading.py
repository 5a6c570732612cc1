"""Reading an object's body to its end, over connections that break."""

from typing import Any

from botocore.exceptions import BotoCoreError

from strongroom.aws.answers import code_of, worded
from strongroom.aws.calls import AwsCall
from strongroom.aws.client import AwsClient
from strongroom.aws.errors import AwsRefusedError, AwsUnavailableError

MOST_BREAKS = 5
"""Breaks in a row, without a byte in between, before an object is given up for now."""


class ObjectChangedError(Exception):
    """The object was replaced while it was being read."""


class ObjectBody:
    """The body of one object; a broken connection is resumed where it broke, on the very same object.

    `answer` is what S3 said about the object when it was opened. Opening and reading raise the errors of
    strongroom.aws.errors; reading raises ObjectChangedError as well.
    """

    def __init__(self, client: AwsClient, call: AwsCall, where: dict[str, str]) -> None:
        self._client, self._call, self._where = client, call, where
        self.answer = client.call(call, ChecksumMode="ENABLED", **where)
        self._body = self.answer["Body"]
        self.size = int(self.answer["ContentLength"])
        self._offset = 0
        self._breaks = 0

    def readinto(self, view: memoryview) -> int:
        """Fill view with the next bytes; 0 means the end."""
        while self._offset < self.size:
            wanted = min(len(view), self.size - self._offset)
            data = self._read(wanted)
            if data:
                view[: len(data)] = data
                self._offset += len(data)
                self._breaks = 0
                return len(data)
            self._resume()
        return 0

    def close(self) -> None:
        """Give the connection up."""
        self._body.close()

    def _read(self, wanted: int) -> bytes:
        try:
            data: bytes = self._body.read(wanted)
        except (BotoCoreError, OSError):
            # Among them what urllib3 says about connections that end early.
            return b""
        return data

    def _resume(self) -> None:
        self._breaks += 1
        self.close()
        if self._breaks > MOST_BREAKS:
            what = f"{self._call.permission} in {self._client.region}: the connection broke {self._breaks} times."
            raise worded(AwsUnavailableError, what)
        self._body = self._reopen()["Body"]

    def _reopen(self) -> dict[str, Any]:
        span = f"bytes={self._offset}-{self.size - 1}"
        try:
            return self._client.call(self._call, Range=span, IfMatch=self.answer["ETag"], **self._where)
        except AwsRefusedError as error:
            if code_of(error) in {"PreconditionFailed", "412", "InvalidRange"}:
                raise ObjectChangedError from error
            raise
