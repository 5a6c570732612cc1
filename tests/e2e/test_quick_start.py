"""The quick start, word by word, in an empty folder without any service."""

from pathlib import Path

from tests.e2e.pages.blocks import blocks, languages
from tests.e2e.pages.shell import opened_shell

PAGE = Path(__file__).resolve().parents[2] / "docs" / "quick-start.md"


def test_every_command_of_the_quick_start_works_as_it_stands(tmp_path: Path) -> None:
    """From nothing to a restore after the loss of a region, a drill, a mended region and a recovery kit."""
    found = blocks(PAGE)
    assert len(found) >= 6
    assert languages(PAGE) == {"sh"}

    with opened_shell(tmp_path, {}) as shell:
        wrong = [complaint for block in found for complaint in shell.run(block, {})]

    assert wrong == [], "\n\n".join(wrong)
    assert (tmp_path / "restored/letter.txt").read_text() == "the only copy\n"
    assert "SRK1-" in (tmp_path / "kit.txt").read_text()
