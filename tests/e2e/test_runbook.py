"""Every command on the page of the runbook, executed in the trouble that it is for."""

from collections.abc import Generator, Iterator
from itertools import groupby, repeat
from pathlib import Path

import pytest

from strongroom.testing.postgres import ScratchPostgres
from tests.e2e.pages.blocks import Block, blocks
from tests.e2e.pages.installation import Place, installed
from tests.e2e.pages.troubles import TROUBLES
from tests.services.loud import Ear
from tests.services.valkey import Valkey

PAGE = Path(__file__).resolve().parents[2] / "docs" / "runbook.md"
# Executed where nothing is left but the regions: test_cold_restore.py.
ELSEWHERE = {"Everything is gone"}


@pytest.fixture
def place(
    tmp_path: Path, valkey: Valkey, postgres_server: ScratchPostgres, postgres_catalog_url: str, ear: Ear
) -> Iterator[Place]:
    """An installation with all its processes."""
    with installed(tmp_path, valkey, postgres_server, postgres_catalog_url, ear) as running:
        yield running


def test_every_command_of_the_runbook_ends_as_the_page_says(place: Place) -> None:
    """Go through the page from its beginning, section by section, on one installation."""
    found = [block for block in blocks(PAGE) if block.section not in ELSEWHERE]
    sections = {name: list(several) for name, several in groupby(found, lambda block: block.section)}
    assert len(sections) > 60
    assert TROUBLES.keys() - sections.keys() == set()

    wrong = [complaint for name, several in sections.items() for complaint in run_section(place, name, several)]

    assert wrong == [], "\n\n".join(wrong)


def run_section(place: Place, name: str, several: list[Block]) -> list[str]:
    """Run the blocks of a section in its trouble; returns what did not end as the page says."""
    trouble = TROUBLES[name](place) if name in TROUBLES else repeat({})
    wrong: list[str] = []
    try:
        for block in several:
            wrong += place.run(block, next(trouble))
        # What a trouble does after its last block mends what is left, and looks whether the section has helped.
        next(trouble, None)
    except AssertionError as error:
        wrong.append(f"[{name}] {error}")
    finally:
        if isinstance(trouble, Generator):
            trouble.close()
            place.calm()
    return wrong
