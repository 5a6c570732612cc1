"""Migrations form one chain: each file follows the one before it, and its name carries its number."""

import re
from pathlib import Path

from tests.policy.project import ROOT

VERSIONS = ROOT / "strongroom/catalog/migrations/versions"


def _revision(path: Path) -> tuple[str, str | None]:
    text = path.read_text(encoding="utf-8")
    revision = re.search(r'^revision = "(\d{4})"$', text, re.MULTILINE)
    follows = re.search(r'^down_revision = (?:"(\d{4})"|None)$', text, re.MULTILINE)
    assert revision, f"{path.name} does not say its revision"
    assert follows, f"{path.name} does not say which revision it follows"
    return revision[1], follows[1]


def test_every_revision_follows_the_one_before_it() -> None:
    files = sorted(VERSIONS.glob("v*.py"))
    numbers = [f"{number:04}" for number in range(1, len(files) + 1)]
    assert [file.name[1:5] for file in files] == numbers
    assert [_revision(file) for file in files] == list(zip(numbers, [None, *numbers[:-1]], strict=True))
