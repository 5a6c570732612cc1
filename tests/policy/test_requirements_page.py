"""The page of what was asked for names commands, routes and files that are there, in every row."""

import re

import click
import pytest

from strongroom.access.operations import OPERATIONS
from strongroom.cli.root import root
from tests.policy.project import ROOT, documents

PAGE = ROOT / "docs" / "requirements.md"
ROW = re.compile(r"^\| (?!asked for|---)(?P<asked>.+?) \| (?P<where>.+?) \| (?P<shown>.+?) \|$", re.M)
ROUTE = re.compile(r"`((?:GET|POST) /[^`?]+)`")
COMMAND = re.compile(r"`strongroom ([a-z][a-z -]*)`")
FILE = re.compile(r"`((?:tests|scripts|bench)/[\w/.-]+)`")
# The faces of a key provider have no rows in the table of operations: certificates open them.
FACES = {
    f"GET {path}": ROOT / f"api/{face}/app.py"
    for face, path in (
        ("peer", "/status/sync"),
        ("peer", "/status/health"),
        ("encryptor", "/capabilities"),
        ("encryptor", "/key"),
    )
} | {"POST /sync": ROOT / "api/peer/app.py"}


def rows() -> list[re.Match[str]]:
    return list(ROW.finditer(PAGE.read_text(encoding="utf-8")))


def is_command(words: list[str]) -> bool:
    command: click.Command | None = root
    for word in words:
        if not isinstance(command, click.Group):
            return False
        command = command.get_command(click.Context(command), word)
    return command is not None and not isinstance(command, click.Group)


def is_route(name: str) -> bool:
    if name in FACES:
        return f'"{name.split()[1]}"' in FACES[name].read_text(encoding="utf-8")
    return name in OPERATIONS


def missing(row: re.Match[str]) -> list[str]:
    """Return what a row names and is not there."""
    commands = [words for words in COMMAND.findall(row["where"]) if not is_command(words.split())]
    routes = [name for name in ROUTE.findall(row["where"]) if not is_route(name)]
    return commands + routes + [path for path in FILE.findall(row[0]) if not (ROOT / path).exists()]


@pytest.mark.parametrize("row", [pytest.param(row, id=row["asked"][:50]) for row in rows()])
def test_what_a_row_names_is_there(row: re.Match[str]):
    assert missing(row) == []
    assert FILE.search(row["shown"]), "nothing shows it"
    assert re.search(r"`|\]\(", row["where"]) or row["where"].startswith("yes"), "it is nowhere"


def test_the_page_has_rows_and_the_check_can_fail():
    assert len(rows()) > 50
    wrong = (
        "| asked | `strongroom backup fly`, `GET /v1/nowhere`, `strongroom backup` | `tests/policy/test_nothing.py` |"
    )
    [row] = ROW.finditer(wrong)
    assert missing(row) == ["backup fly", "backup", "GET /v1/nowhere", "tests/policy/test_nothing.py"]


def test_the_overview_of_the_pages_links_to_every_page():
    overview = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = {page.name for page in documents() if page.parent == ROOT / "docs"} - {"README.md"}

    assert len(pages) > 30
    assert [name for name in sorted(pages) if f"]({name})" not in overview] == []
