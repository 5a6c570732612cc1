"""What goes over the wire to an S3 server, and which evidence comes back."""

import base64
import hashlib

import pytest

from strongroom.storage.errors import ChecksumMismatchError
from strongroom.storage.s3 import S3Store
from strongroom.storage.s3_client import S3Access, s3_client
from strongroom.storage.store import Evidence
from tests.integration.storage.canned_server import Answering, Asked, Canned, canned_server
from tests.integration.storage.conftest import QUICK, access_to
from tests.services.s3 import REGION_NAMES, S3Region
from tests.unit.storage.store_contract import create, digest, keys, put

BODY = b"the bytes of a pack"
MD5 = hashlib.md5(BODY, usedforsecurity=False)


@pytest.fixture
def region(moto_regions: dict[str, S3Region]) -> S3Region:
    return moto_regions[REGION_NAMES[0]]


def _store_at(url: str) -> S3Store:
    return S3Store("home", s3_client(S3Access(url, None, "id", "secret"), QUICK), "bucket", "backups/")


def test_a_body_travels_once_unsigned_with_all_its_digests() -> None:
    with canned_server(lambda _: Canned(200)) as server:
        put(_store_at(server.url), "key", BODY)
        create(_store_at(server.url), "key", BODY)
    for asked in server.asked:
        assert (asked.method, asked.path, asked.body) == ("PUT", "/bucket/backups/key", BODY)
        assert asked.headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
        assert asked.headers["content-md5"] == base64.b64encode(MD5.digest()).decode()
        assert asked.headers["x-amz-checksum-sha256"] == base64.b64encode(digest(BODY)).decode()
        assert asked.headers["x-amz-meta-sha256"] == digest(BODY).hex()
        assert asked.headers["x-amz-meta-md5"] == MD5.hexdigest()
    assert [asked.headers.get("if-none-match") for asked in server.asked] == [None, "*"]


def test_a_body_that_lies_in_a_buffer_is_sent_whole_again_after_a_fault_and_without_asking_first() -> None:
    busy = [Canned(503, b"", {"Connection": "close"}), Canned(200)]
    buffer = bytearray(BODY * 10_000 + b"what the last pack left behind")
    with canned_server(lambda _: busy.pop(0)) as server:
        put(_store_at(server.url), "key", memoryview(buffer)[: len(BODY) * 10_000])
    assert [asked.body == BODY * 10_000 for asked in server.asked] == [True, True]
    assert all("expect" not in asked.headers for asked in server.asked)


def test_the_signature_binds_the_digests() -> None:
    with canned_server(lambda _: Canned(200)) as server:
        put(_store_at(server.url), "key", BODY)
    signed = server.asked[0].headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    assert {"content-md5", "x-amz-checksum-sha256", "x-amz-meta-sha256"} <= set(signed)


def test_access_keys_hide_in_repr() -> None:
    assert "hush" not in repr(S3Access("http://127.0.0.1", None, "hush", "hush"))


def _holding(headers: dict[str, str]) -> Answering:
    def answer(asked: Asked) -> Canned:
        body = b"" if asked.method == "HEAD" else BODY
        return Canned(200, body, headers, content_length=len(BODY))

    return answer


CHECKSUM = {"x-amz-checksum-sha256": base64.b64encode(digest(BODY)).decode()}
OTHER_CHECKSUM = {"x-amz-checksum-sha256": base64.b64encode(digest(b"other")).decode()}
METADATA = {"x-amz-meta-sha256": digest(BODY).hex(), "x-amz-meta-md5": MD5.hexdigest()}
ETAG = {"ETag": f'"{MD5.hexdigest()}"'}


def test_a_server_that_checks_sha256_gets_no_md5_besides() -> None:
    with canned_server(lambda _: Canned(200, b"", CHECKSUM)) as server:
        store = _store_at(server.url)
        put(store, "first", BODY)
        put(store, "second", BODY)
        create(store, "third", BODY)
    assert ["content-md5" in asked.headers for asked in server.asked] == [True, False, False]
    assert ["x-amz-meta-md5" in asked.headers for asked in server.asked] == [True, False, False]
    assert {asked.headers["x-amz-checksum-sha256"] for asked in server.asked} == set(CHECKSUM.values())


def test_a_server_that_answers_another_checksum_still_gets_the_md5() -> None:
    with canned_server(lambda _: Canned(200, b"", OTHER_CHECKSUM)) as server:
        store = _store_at(server.url)
        put(store, "first", BODY)
        put(store, "second", BODY)
    assert all("content-md5" in asked.headers for asked in server.asked)


@pytest.mark.parametrize(
    ("headers", "evidence", "methods"),
    [
        (CHECKSUM, Evidence.CHECKSUM, ["HEAD"]),
        (METADATA | ETAG, Evidence.ETAG, ["HEAD"]),
        (METADATA | {"ETag": '"0123456789abcdef0123456789abcdef"'}, Evidence.READ_BACK, ["HEAD", "GET"]),
        (METADATA | {"ETag": f'"{MD5.hexdigest()}-2"'}, Evidence.READ_BACK, ["HEAD", "GET"]),
        (ETAG, Evidence.READ_BACK, ["HEAD", "GET"]),
        ({"x-amz-checksum-sha256": "AAAA-2", "ETag": '"x"'}, Evidence.READ_BACK, ["HEAD", "GET"]),
    ],
)
def test_the_strongest_evidence_is_used(headers: dict[str, str], evidence: Evidence, methods: list[str]) -> None:
    with canned_server(_holding({"ETag": '""'} | headers)) as server:
        assert _store_at(server.url).confirm("key", size=len(BODY), sha256=digest(BODY)) is evidence
    assert [asked.method for asked in server.asked] == methods
    assert server.asked[0].headers["x-amz-checksum-mode"] == "ENABLED"


def _answered_by_a_put(headers: dict[str, str]) -> Evidence | None:
    with canned_server(lambda _: Canned(200, b"", headers)) as server:
        found = _store_at(server.url).put("key", BODY, sha256=digest(BODY))
    assert [asked.method for asked in server.asked] == ["PUT"]
    return found


@pytest.mark.parametrize(
    ("headers", "evidence"),
    [
        (CHECKSUM | ETAG, Evidence.CHECKSUM),
        (ETAG, Evidence.ETAG),
        (OTHER_CHECKSUM, None),
        ({"ETag": '"0123456789abcdef0123456789abcdef"'}, None),
        ({"ETag": '""'}, None),
        ({}, None),
    ],
)
def test_the_answer_to_a_write_is_evidence_where_it_has_the_digest_of_what_was_sent(
    headers: dict[str, str], evidence: Evidence | None
) -> None:
    assert _answered_by_a_put(headers) is evidence


def test_what_servers_answer_to_a_write_is_what_they_say_when_asked(region: S3Region) -> None:
    store = S3Store("home", s3_client(access_to(region), QUICK), region.new_bucket())
    evidence = store.put("key", BODY, sha256=digest(BODY))
    assert evidence is store.confirm("key", size=len(BODY), sha256=digest(BODY))


@pytest.mark.parametrize(
    "headers",
    [OTHER_CHECKSUM | METADATA | ETAG, ETAG | {"x-amz-meta-sha256": digest(b"other").hex()}],
)
def test_evidence_of_other_bytes_is_a_mismatch(headers: dict[str, str]) -> None:
    with canned_server(_holding(headers)) as server, pytest.raises(ChecksumMismatchError):
        _store_at(server.url).confirm("key", size=len(BODY), sha256=digest(BODY))


def test_bytes_that_changed_behind_the_server_are_read_and_refused(region: S3Region) -> None:
    bucket = region.new_bucket()
    store = S3Store("home", s3_client(access_to(region), QUICK), bucket)
    put(store, "key", BODY)
    region.client().put_object(Bucket=bucket, Key="key", Body=BODY[::-1])
    with pytest.raises(ChecksumMismatchError):
        store.confirm("key", size=len(BODY), sha256=digest(BODY))


def test_a_ceph_server_vouches_by_its_etag(rgw_regions: dict[str, S3Region]) -> None:
    region = rgw_regions[REGION_NAMES[0]]
    store = S3Store("home", s3_client(access_to(region)), region.new_bucket())
    assert store.probe().evidence in {Evidence.ETAG, Evidence.CHECKSUM}
    assert store.put("key", BODY, sha256=digest(BODY)) in {Evidence.ETAG, Evidence.CHECKSUM}


def test_two_prefixes_in_one_bucket_do_not_see_each_other(region: S3Region) -> None:
    bucket, client = region.new_bucket(), s3_client(access_to(region))
    ours, theirs = S3Store("a", client, bucket, "ours/"), S3Store("b", client, bucket, "theirs/")
    put(ours, "key", b"ours")
    put(theirs, "key", b"theirs")
    put(theirs, "more")
    assert keys(ours.list("")) == ["key"]
    ours.delete("key")
    assert theirs.get("key") == b"theirs"


def test_what_others_keep_below_the_prefix_is_not_listed(region: S3Region) -> None:
    bucket = region.new_bucket()
    store = S3Store("home", s3_client(access_to(region)), bucket)
    put(store, "p/key")
    region.client().put_object(Bucket=bucket, Key="p/not a key", Body=b"")
    region.client().put_object(Bucket=bucket, Key="p/folder/", Body=b"")
    assert keys(store.list("p/")) == ["p/key"]


def _paged(asked: Asked) -> Canned:
    last = "continuation-token=next" in asked.path
    content = f"<Contents><Key>backups/p/{2 if last else 1}</Key><Size>7</Size></Contents>"
    more = "" if last else "<IsTruncated>true</IsTruncated><NextContinuationToken>next</NextContinuationToken>"
    return Canned(200, f"<ListBucketResult>{more}{content}</ListBucketResult>".encode())


def test_a_listing_longer_than_a_page_is_whole() -> None:
    with canned_server(_paged) as server:
        assert keys(_store_at(server.url).list("p/")) == ["p/1", "p/2"]
