"""What the pages say exists: links, make targets, decision records, settings."""

import re
from pathlib import Path

from tests.policy.project import ROOT, documents, relative

LINK = re.compile(r"(?<!!)\[[^\]\n]+\]\((?P<target>[^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.M)
FENCE = re.compile(r"^```.*?^```", re.M | re.S)
MAKE = re.compile(r"`make ([a-z]+)`")
DECISIONS = ROOT / "docs" / "decisions"


def anchors(page: Path) -> set[str]:
    """Return the anchors a Markdown page offers, spelled as code hosts spell them."""
    headings = HEADING.findall(FENCE.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> list[str]:
    broken = []
    for match in LINK.finditer(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if "://" in match["target"] or match["target"].startswith("mailto:"):
            continue
        name, _, anchor = match["target"].partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(f"{relative(page)}: {match['target']}")
    return broken


def test_there_are_pages_with_links():
    assert len(documents()) > 10
    assert sum(len(LINK.findall(page.read_text(encoding="utf-8"))) for page in documents()) > 20


def test_every_link_between_pages_resolves():
    assert [link for page in documents() for link in broken_links(page)] == []


def test_what_a_page_says_is_shown_by_a_test_names_one_that_exists():
    pages = [ROOT / "docs" / name for name in ("threat-model.md", "faults.md")]
    named = {path for page in pages for path in re.findall(r"`(tests/[\w/.-]+)`", page.read_text(encoding="utf-8"))}

    assert len(named) > 10
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_every_make_target_a_page_names_exists():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, flags=re.M))
    named = {(relative(page), name) for page in documents() for name in MAKE.findall(page.read_text(encoding="utf-8"))}

    assert named
    assert [mention for mention in sorted(named) if mention[1] not in targets] == []


def test_every_make_target_says_what_it_does():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    assert re.findall(r"^([a-z]+):(?!.*## )", makefile, flags=re.M) == []


def test_the_readme_begins_with_the_two_commands():
    beginning = "\n".join((ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:25])

    assert "make demo" in beginning
    assert "make test" in beginning


def test_the_index_lists_every_decision_and_every_record_has_its_four_parts():
    index = (DECISIONS / "README.md").read_text(encoding="utf-8")
    records = sorted(path for path in DECISIONS.glob("*.md") if path.name != "README.md")

    assert len(records) >= 6
    assert [path.name for path in records if f"({path.name})" not in index] == []
    for path in records:
        parts = set(HEADING.findall(path.read_text(encoding="utf-8")))
        assert {"Context", "Options", "Decision", "Consequence"} <= parts, path.name
