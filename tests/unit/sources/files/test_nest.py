"""Restored files have their owner, group and mode, also where new files get others by themselves."""

import os
from contextlib import contextmanager

import pytest

from tests.unit.sources.trees import Backup, access_control_list, picture


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
@pytest.mark.parametrize("place", ["plain", "with an access list", "of a group"])
def test_owner_and_mode_are_right_whatever_new_files_get_in_the_target(tmp_path, umask, place):
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "docs").mkdir(parents=True)
    for number, mode in enumerate((0o644, 0o600, 0o666, 0o000, 0o444, 0o644, 0o666, 0o2755, 0o444)):
        file = source / "docs" / str(number)
        file.write_bytes(b"content" * number)
        if os.geteuid() == 0 and number > 4:
            os.chown(file, 0, 1234)
        file.chmod(mode)
    target.mkdir(mode=0o700)
    if place == "with an access list":
        os.setxattr(target, "system.posix_acl_default", access_control_list())
    if place == "of a group":
        target.chmod(0o2777)
    with umask_of(umask):
        assert Backup(source).restore(target) == []

    assert owners_and_modes(target) == owners_and_modes(source)


def owners_and_modes(root):
    return {path: (facts["owner"], facts["mode"]) for path, facts in picture(root).items() if "content" in facts}


@contextmanager
def umask_of(mask):
    before = os.umask(mask)
    yield
    os.umask(before)
