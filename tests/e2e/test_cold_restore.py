"""Nothing is left but the regions and the paper: the runbook's chapter brings everything back, word by word."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from strongroom.testing.postgres import ScratchPostgres
from tests.e2e.databases import content, make_database
from tests.e2e.pages.blocks import Block, blocks
from tests.e2e.pages.shell import Shell, opened_shell
from tests.e2e.trees import make_tree, picture

PAGE = Path(__file__).resolve().parents[2] / "docs" / "runbook.md"
CHAPTER = "Everything is gone"
SHOP = """
[sources.uploads]
kind = "files"
path = "uploads"

[sources.shop]
kind = "postgres"
host = "{host}"
port = {port}
dbname = "{dbname}"
user = "{user}"
password_env = "SHOP_PASSWORD"
"""


@pytest.fixture
def shop(postgres_server: ScratchPostgres, tmp_path: Path) -> Iterator[str]:
    """A database with rows, and room for the one that comes back."""
    name = f"cold_{tmp_path.name}".lower().replace("-", "_")[-50:]
    make_database(postgres_server, name, rows=500)
    yield name
    for database in (name, f"{name}_back"):
        postgres_server.drop_database(database)


def block_of(text: str) -> Block:
    return Block("set-up", text)


def tables_of_regions(page: str) -> str:
    """Return the lines of the paper that begin with a region."""
    return page[page.index("[regions.") :]


@pytest.fixture
def remains(tmp_path: Path, postgres_server: ScratchPostgres, shop: str) -> Path:
    """Three regions and the paper, of an installation that is gone with everything else."""
    old = tmp_path / "old"
    old.mkdir()
    make_tree(old / "uploads", mib=2)
    server = postgres_server
    sources = SHOP.format(host=server.host, port=server.port, dbname=shop, user=server.user)
    with opened_shell(old, {"SHOP_PASSWORD": server.password}) as shell:
        assert shell.run(block_of("strongroom init"), {}) == []
        (old / "strongroom.toml").write_text((old / "strongroom.toml").read_text() + sources)
        lines = ("backup run uploads", "recovery-kit paper.txt", "backup run shop", "repair --all")
        assert shell.run(block_of("\n".join(f"strongroom {line} --here" for line in lines)), {}) == []
    left = tmp_path / "left"
    left.mkdir()
    for kept in ("regions", "paper.txt", "strongroom.keys", "uploads"):
        (old / kept).rename(left / kept)
    shutil.rmtree(old)
    return left


def test_three_regions_and_the_paper_bring_everything_back(
    remains: Path, tmp_path: Path, postgres_server: ScratchPostgres, shop: str
) -> None:
    """A stranger in an empty folder, who has the page, the paper and access to the regions."""
    machine = tmp_path / "new machine"
    machine.mkdir()
    _copy_what_the_page_says(machine, remains)
    with opened_shell(machine, {"NEW_SERVER_PASSWORD": postgres_server.password}) as shell:
        wrong = _follow(shell, postgres_server, shop)

    assert wrong == [], "\n\n".join(wrong)
    assert picture(machine / "restored/uploads") == picture(remains / "uploads")
    assert content(postgres_server, f"{shop}_back") == content(postgres_server, shop)


def test_one_region_and_a_copy_of_the_key_file_bring_everything_back(
    remains: Path, tmp_path: Path, postgres_server: ScratchPostgres, shop: str
) -> None:
    """The same without the paper: what the page says to leave out is left out."""
    machine = tmp_path / "new machine"
    machine.mkdir()
    shutil.copy(remains / "strongroom.keys", machine / "strongroom.keys")
    (machine / "strongroom.toml").write_text(
        f'[regions.us-east-1]\nhome = true\npath = "{remains}/regions/us-east-1"\n'
    )
    with opened_shell(machine, {"NEW_SERVER_PASSWORD": postgres_server.password}) as shell:
        wrong = _follow(shell, postgres_server, shop, leave_out=(" --recovery-key-file kit.txt", "kit.txt "))

    assert wrong == [], "\n\n".join(wrong)
    assert picture(machine / "restored/uploads") == picture(remains / "uploads")
    assert content(postgres_server, f"{shop}_back") == content(postgres_server, shop)


def _copy_what_the_page_says(machine: Path, remains: Path) -> None:
    paper = (remains / "paper.txt").read_text()
    tables = re.sub(r'path = ".*/(regions/[\w-]+)"', rf'path = "{remains}/\1"', tables_of_regions(paper))
    (machine / "strongroom.toml").write_text(tables)
    (machine / "kit.txt").write_text(re.findall("SRK1-.*", paper)[0] + "\n")


def _follow(shell: Shell, server: ScratchPostgres, shop: str, leave_out: tuple[str, ...] = ()) -> list[str]:
    chapter = [block for block in blocks(PAGE) if block.section == CHAPTER]
    for word in leave_out:
        chapter = [replace(block, text=block.text.replace(word, "")) for block in chapter]
    assert len(chapter) == 3
    trees = {"SOURCE": "uploads"}
    new = {"HOST": server.host, "PORT": str(server.port), "USER": server.user}
    databases = {"DATABASE": "shop", "NEW_DATABASE": f"{shop}_back", **new}
    return [
        complaint
        for block, names in zip(chapter, ({}, trees, databases), strict=True)
        for complaint in shell.run(block, names)
    ]
