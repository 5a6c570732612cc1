"""The demo's comparison would notice."""

import os
import shutil
from pathlib import Path

import pytest

from stack.demo.sample_tree import differences, make_tree


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sample") / "tree"
    make_tree(root)
    return root


@pytest.fixture
def copy(sample: Path, tmp_path: Path) -> Path:
    # Only a part, and by the system's own program: it keeps holes, links and attributes.
    target = tmp_path / "copy"
    os.spawnlp(os.P_WAIT, "cp", "cp", "-a", str(sample / "odd"), str(target))
    return target


def test_a_faithful_copy_is_equal(sample: Path, copy: Path):
    compared, found = differences(sample / "odd", copy)

    assert found == []
    assert compared > 10


def flip(path: Path) -> None:
    stamp = path.stat()
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)
    path.chmod(stamp.st_mode)
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))


def fill_holes(path: Path) -> None:
    stamp = path.stat()
    shutil.copyfile(path, path.with_suffix(".full"))
    content = path.read_bytes()
    path.write_bytes(b"\xff" * len(content))
    path.write_bytes(content)
    path.with_suffix(".full").unlink()
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))


@pytest.mark.parametrize(
    ("name", "harm"),
    [
        ("secret.key", flip),
        ("secret.key", lambda path: path.chmod(0o440)),
        ("empty", lambda path: os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))),
        ("pipe", Path.unlink),
        ("broken link", lambda path: (path.unlink(), path.symlink_to("elsewhere"))),
        ("same file, other name", lambda path: (path.unlink(), shutil.copy2(path.with_name("run.sh"), path))),
        ("sparse.img", fill_holes),
        ("more", Path.touch),
    ],
    ids=["bytes", "mode", "time", "missing", "link target", "hard link", "holes", "additional"],
)
def test_a_difference_is_found(sample: Path, copy: Path, name: str, harm):
    harm(copy / name)

    assert differences(sample / "odd", copy)[1]
