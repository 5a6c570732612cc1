"""Archives: written from a region, read as one, and refused where they are not what was written."""

import hashlib
import io
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from strongroom.exports.archive import archive_size, write_archive
from strongroom.exports.archived import open_archive
from strongroom.exports.checking import open_export, verify_part
from strongroom.exports.errors import (
    ExportDamagedError,
    ExportNotFoundError,
    ExportPlaceError,
    ManifestError,
    ReadOnlyExportError,
)
from strongroom.exports.naming import MANIFEST
from strongroom.repository.replica import ObjectRef
from strongroom.storage.errors import ChecksumMismatchError, InvalidKeyError, ObjectNotFoundError
from strongroom.storage.store import Evidence, ObjectInfo
from strongroom.testing.stores import MemoryStore
from tests.unit.exports.test_keeping import make

OBJECTS = {"repo": b"record", "p/ab/" + "c" * 200 + ".pk": bytes(range(256)) * 40, "c/up/1": b"commit"}


def filled() -> tuple[MemoryStore, list[ObjectRef]]:
    store = MemoryStore("home")
    refs = []
    for key, body in OBJECTS.items():
        digest = hashlib.sha256(body).digest()
        store.put(key, body, sha256=digest)
        refs.append(ObjectRef(key, len(body), digest))
    return store, refs


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "storage.tar"
    write_archive(path, *filled(), lambda _: None)
    return path


def test_it_is_private_and_described_by_its_size_and_digest(tmp_path: Path) -> None:
    store, refs = filled()
    path, said = tmp_path / "a.tar", list[int]()
    written = write_archive(path, store, refs, said.append)
    assert written.size == path.stat().st_size <= archive_size(refs)
    assert written.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert said == sorted(said)
    assert len(said) == len(refs)


def test_any_tar_program_reads_it(archive: Path) -> None:
    with tarfile.open(archive) as tar:
        assert {member.name: tar.extractfile(member).read() for member in tar} == OBJECTS  # type: ignore[union-attr]  # all are files
        assert tar.getnames()[-1] == "c/up/1"


def test_a_region_that_holds_other_bytes_makes_none(tmp_path: Path) -> None:
    store, refs = filled()
    store.put("repo", b"recorD", sha256=hashlib.sha256(b"recorD").digest())
    with pytest.raises(ChecksumMismatchError):
        write_archive(tmp_path / "a.tar", store, refs, lambda _: None)


def test_it_is_read_as_a_region(archive: Path) -> None:
    with open_archive(archive, "export") as store:
        pack = next(key for key in OBJECTS if key.startswith("p/"))
        assert {key: store.get(key) for key in OBJECTS} == OBJECTS
        assert store.get_range(pack, 256, 4) == b"\0\1\2\3"
        assert store.get_range(pack, -2, 10) == b"\xfe\xff"
        assert store.get_range(pack, 10**9, 10) == b""
        assert [info.key for info in store.list("")] == sorted(OBJECTS)
        assert list(store.list("c/")) == [ObjectInfo("c/up/1", 6)]
        assert [version.key for version in store.versions("repo")] == ["repo"]
        assert store.find("c/up/2") is None
        digest = hashlib.sha256(b"commit").digest()
        assert store.confirm("c/up/1", size=6, sha256=digest) is Evidence.CHECKSUM
        with pytest.raises(ChecksumMismatchError):
            store.confirm("c/up/1", size=6, sha256=bytes(32))
        with pytest.raises(ObjectNotFoundError):
            store.get("c/up/2")
        with pytest.raises(InvalidKeyError):
            store.get("../repo")


def test_it_cannot_be_changed(archive: Path) -> None:
    with open_archive(archive, "export") as store:
        for change in (
            lambda: store.put("x", b"", sha256=b""),
            lambda: store.create("x", b"", sha256=b""),
            lambda: store.delete("repo"),
            store.probe,
        ):
            with pytest.raises(ReadOnlyExportError):
                change()


def tar_of(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w") as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(bytes(member.size)))
    return path


def link(name: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return member


@pytest.mark.parametrize(
    "members",
    [
        [tarfile.TarInfo("../repo")],
        [tarfile.TarInfo("/etc/passwd")],
        [tarfile.TarInfo("a//b")],
        [link("repo")],
        [tarfile.TarInfo("repo"), tarfile.TarInfo("repo")],
    ],
    ids=["above", "absolute", "empty", "link", "twice"],
)
def test_members_that_are_no_objects_are_refused(tmp_path: Path, members: list[tarfile.TarInfo]) -> None:
    with pytest.raises(ExportDamagedError), open_archive(tar_of(tmp_path / "a.tar", *members), "export"):
        pass


@pytest.mark.parametrize("content", [b"", b"no tar" * 1000], ids=["empty", "text"])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(content)
    with pytest.raises(ExportDamagedError), open_archive(path, "export"):
        pass


def test_one_that_is_cut_short_while_it_is_read_is_noticed(archive: Path) -> None:
    pack = next(key for key in OBJECTS if key.startswith("p/"))
    with open_archive(archive, "export") as store:
        archive.write_bytes(archive.read_bytes()[:4096])
        with pytest.raises(ExportDamagedError):
            store.get(pack)


def test_a_directory_without_a_manifest_is_no_export(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ExportNotFoundError):
            open_export(place)


def test_a_manifest_that_cannot_be_opened_says_why(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).mkdir()
    with pytest.raises(ExportPlaceError, match="directory"):
        open_export(tmp_path)


def test_a_huge_manifest_is_not_read_whole(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_bytes(b" " * (3 << 20))
    with pytest.raises(ManifestError):
        open_export(tmp_path)


@pytest.mark.parametrize(
    "harm",
    [Path.unlink, lambda path: path.write_bytes(b""), lambda path: path.write_bytes(b"y")],
    ids=["missing", "empty", "changed"],
)
def test_a_file_that_is_not_as_written_is_refused(tmp_path: Path, harm: Callable[[Path], object]) -> None:
    export = open_export(make(tmp_path, 1))
    part = export.manifest.parts[0]
    harm(export.file_of(part))
    with pytest.raises(ExportDamagedError, match=part.backup_file):
        verify_part(export, part)
