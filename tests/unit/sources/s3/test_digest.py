"""Which checksum of S3 is believed, and that it is compared."""

import base64
import hashlib
import zlib
from typing import Any

import pytest

from strongroom.sources.s3.digest import digest_of

RIGHT, WRONG = b"the right bytes", b"some other bytes"
MD5 = hashlib.md5(RIGHT, usedforsecurity=False).hexdigest()
SHA256 = base64.b64encode(hashlib.sha256(RIGHT).digest()).decode()
CRC32 = base64.b64encode(zlib.crc32(RIGHT).to_bytes(4, "big")).decode()


@pytest.mark.parametrize(
    "answer",
    [
        {"ETag": f'"{MD5}"'},
        {"ETag": f'"{MD5}"', "ServerSideEncryption": "AES256"},
        {"ETag": '"x-2"', "ChecksumSHA256": SHA256, "ChecksumType": "FULL_OBJECT"},
        {"ETag": '"x"', "ServerSideEncryption": "aws:kms", "ChecksumCRC32": CRC32},
    ],
)
def test_a_checksum_of_the_whole_object_is_compared(answer: dict[str, Any]) -> None:
    for data, fits in ((RIGHT, True), (WRONG, False)):
        digest = digest_of(answer)
        assert digest is not None
        digest.update(memoryview(data)[:5])
        digest.update(memoryview(data)[5:])
        assert digest.fits() is fits


@pytest.mark.parametrize(
    "answer",
    [
        {"ETag": f'"{MD5}-2"'},
        {"ETag": f'"{MD5}"', "ServerSideEncryption": "aws:kms"},
        {"ETag": f'"{MD5}"', "SSECustomerAlgorithm": "AES256"},
        {"ETag": '"x"', "ChecksumSHA256": f"{SHA256}-3", "ChecksumType": "COMPOSITE"},
        {"ETag": '"x"', "ChecksumCRC32": CRC32, "ChecksumType": "COMPOSITE"},
    ],
)
def test_what_is_no_digest_of_the_whole_object_is_not_taken_for_one(answer: dict[str, Any]) -> None:
    assert digest_of(answer) is None
