"""What a restore does where a target cannot take all that an entry says."""

import errno
import os
import stat
import struct

from strongroom.tree.content import ProblemKind
from tests.unit.sources.trees import Backup
from tests.unit.sources.unprivileged import NOBODY


def test_where_an_access_control_list_is_lost_the_owning_group_gets_no_more_than_before(tmp_path, monkeypatch):
    source = tmp_path / "source"
    source.mkdir()
    for kind in ("file", "fifo"):
        place = source / kind
        place.touch() if kind == "file" else os.mkfifo(place)
        nobody = 0xFFFFFFFF
        lines = [(0x01, 6, nobody), (0x02, 6, NOBODY), (0x04, 0, nobody), (0x10, 6, nobody), (0x20, 0, nobody)]
        access = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *line) for line in lines)
        os.setxattr(place, "system.posix_acl_access", access)
        assert stat.S_IMODE(place.stat().st_mode) == 0o660

    def refuse(*_args, **_kwargs):
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(os, "setxattr", refuse)
    problems = Backup(source).restore(tmp_path / "target")

    assert [problem.kind for problem in problems] == [ProblemKind.METADATA]
    modes = [stat.S_IMODE((tmp_path / "target" / kind).stat().st_mode) for kind in ("file", "fifo")]
    assert modes == [0o600, 0o600]
