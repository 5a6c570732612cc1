"""Many processes append at once, also while they spend step-ups: no deadlock, no gap, no row lost."""

import multiprocessing
from collections import Counter
from pathlib import Path

from strongroom.audit.verifying import AuditLog
from strongroom.keyring.key_file import KeyFile
from tests.integration.audit import rival
from tests.integration.stepup.conftest import CONFIG

spawn = multiprocessing.get_context("spawn")
PROCESSES, EACH = 8, 24


def test_processes_that_append_at_once_make_one_chain(
    postgres_catalog_url: str, key_file: KeyFile, tmp_path: Path
) -> None:
    settings = tmp_path / "strongroom.toml"
    settings.write_text(CONFIG, encoding="utf-8")
    log = rival.open_log(postgres_catalog_url, key_file.path)
    contested = rival.confirmed(rival.open_room(log, settings), "contested")
    start, place = spawn.Barrier(PROCESSES), (postgres_catalog_url, key_file.path, settings)
    children = [
        spawn.Process(target=rival.append_many, args=(start, place, number, EACH, contested))
        for number in range(PROCESSES)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join()

    assert [child.exitcode for child in children] == [0] * PROCESSES
    assert AuditLog(log.catalog, log.keys, {}).check_whole().finding is None
    said = Counter((row.action, row.target == "contested") for row in log.rows())
    assert said["restore.overwrite", True] == 1
    # Two thirds of the changes; the rest was rolled back.
    assert said["user_updated", False] == log.changes() == PROCESSES * EACH * 2 // 3
    log.catalog.close()
