"""What is read as a private file: plain ones of a sensible size, that nobody else may open."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from strongroom.keyring.private_file import MAX_BYTES, NotPrivateError, locked, read_private, write_private


def test_a_private_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.touch(mode=0o600)
    file.write_bytes(b"secret")
    assert read_private(file) == b"secret"


@pytest.mark.parametrize("make", [os.mkfifo, lambda path, _: path.symlink_to("/dev/zero"), os.mkdir])
def test_what_is_no_plain_file_is_refused_and_not_waited_for(tmp_path: Path, make: Callable[[Path, int], None]) -> None:
    path = tmp_path / "key"
    make(path, 0o600)
    with pytest.raises(OSError, match=r"not a plain file|Is a directory"):
        read_private(path)


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.touch(mode=0o600)
    os.truncate(file, MAX_BYTES + 1)
    with pytest.raises(NotPrivateError, match="at most 1 MiB"):
        read_private(file)


def test_what_a_link_leads_to_counts(tmp_path: Path) -> None:
    file, link = tmp_path / "key", tmp_path / "link"
    file.touch(mode=0o644)
    link.symlink_to(file)
    with pytest.raises(NotPrivateError, match="0644"):
        read_private(link)


def test_links_that_somebody_put_beside_a_file_lead_nowhere(tmp_path: Path) -> None:
    file, elsewhere = tmp_path / "key", tmp_path / "elsewhere"
    for name in ("key.lock", "key.new"):
        (tmp_path / name).symlink_to(elsewhere)
    with pytest.raises(OSError, match="symbolic links"), locked(file):
        pass
    write_private(file, b"secret")
    assert read_private(file) == b"secret"
    assert not elsewhere.exists()
