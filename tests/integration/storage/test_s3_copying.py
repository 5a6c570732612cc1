"""Copies between two regions of one provider: the provider makes them, and no byte passes through here."""

from collections.abc import Callable

import pytest

from strongroom.replication.transfer import transfer
from strongroom.repository.replica import ObjectRef
from strongroom.storage.errors import ChecksumMismatchError, ObjectNotFoundError
from strongroom.storage.s3 import S3Store
from strongroom.storage.s3_client import s3_client
from strongroom.storage.s3_writing import S3Writing
from strongroom.storage.store import Evidence
from tests.integration.storage.conftest import access_to
from tests.services.s3 import REGION_NAMES, S3Region
from tests.unit.storage.store_contract import digest, put

BODY = bytes(range(256)) * 1024
REF = ObjectRef("p/00/pack.pk", len(BODY), digest(BODY))


@pytest.fixture(params=["moto", "rgw"])
def server(request: pytest.FixtureRequest) -> S3Region:
    """A lenient server and a real one."""
    regions: dict[str, S3Region] = request.getfixturevalue(f"{request.param}_regions")
    return regions[REGION_NAMES[0]]


@pytest.fixture
def make(server: S3Region) -> Callable[..., S3Store]:
    def make(region: str, **options: object) -> S3Store:
        shared = {"provider": (server.endpoint, server.access_key)} | options
        return S3Store(region, s3_client(access_to(server)), server.new_bucket(), f"{region}/", **shared)

    return make


class Courier:
    """Counts the bodies that leave a region."""

    def __init__(self, store: S3Store) -> None:
        self.calls: list[str] = []
        store.client.meta.events.register("provide-client-params.s3.*", self._note)

    def _note(self, model: object, **_: object) -> None:
        self.calls.append(model.name)  # type: ignore[attr-defined]  # an operation of botocore


def test_the_provider_copies_between_its_own_regions(make: Callable[..., S3Store]) -> None:
    source, target = make("a"), make("b")
    put(source, REF.key, BODY)
    reads, writes = Courier(source), Courier(target)
    evidence, sent = transfer(source, target, REF, once=False)
    assert (sent, target.get(REF.key)) == (0, BODY)
    assert evidence in {Evidence.CHECKSUM, Evidence.ETAG}
    assert "GetObject" not in reads.calls
    assert "PutObject" not in writes.calls
    assert transfer(source, target, REF, once=False)[1] == 0


def test_a_copy_is_written_as_its_own_region_asks(make: Callable[..., S3Store], server: S3Region) -> None:
    if "rgw" in server.endpoint:
        pytest.skip("keeps one storage class")
    source, target = make("a"), make("b", writing=S3Writing(storage_class="STANDARD"))
    put(source, REF.key, BODY)
    transfer(source, target, REF, once=False)
    head = server.client().head_object(Bucket=target.bucket, Key=f"b/{REF.key}")
    assert head.get("StorageClass", "STANDARD") == "STANDARD"


@pytest.mark.parametrize("other", [None, ("https://elsewhere", "id")])
def test_regions_of_two_providers_are_copied_by_hand(
    make: Callable[..., S3Store], other: tuple[str, str] | None
) -> None:
    source, target = make("a", provider=other), make("b")
    put(source, REF.key, BODY)
    assert transfer(source, target, REF, once=False)[1] == len(BODY)
    assert target.get(REF.key) == BODY


def test_a_commit_record_is_never_copied_over_another(make: Callable[..., S3Store]) -> None:
    source, target = make("a"), make("b")
    put(source, REF.key, BODY)
    calls = Courier(target)
    transfer(source, target, REF, once=True)
    assert "CopyObject" not in calls.calls


def test_a_provider_that_refuses_is_gone_round(make: Callable[..., S3Store]) -> None:
    source, target = make("a"), make("b")
    put(source, REF.key, BODY)
    target.client.meta.events.register("before-send.s3.CopyObject", _refuse)
    assert transfer(source, target, REF, once=False)[1] == len(BODY)


def test_damage_is_not_copied_on(make: Callable[..., S3Store], server: S3Region) -> None:
    source, target = make("a"), make("b")
    put(source, REF.key, BODY)
    server.client().put_object(Bucket=source.bucket, Key=f"a/{REF.key}", Body=BODY[::-1])
    with pytest.raises(ChecksumMismatchError, match="Region a"):
        transfer(source, target, REF, once=False)
    with pytest.raises(ObjectNotFoundError):
        target.get(REF.key)


def _refuse(request: object, **_: object) -> object:
    from botocore.awsrequest import AWSResponse

    return AWSResponse(str(request), 403, {}, _Said(b"<Error><Code>AccessDenied</Code></Error>"))


class _Said:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: object) -> list[bytes]:
        return [self._body]
