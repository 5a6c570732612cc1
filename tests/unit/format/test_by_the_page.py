"""The page of the format is enough to write another reader: one that was, reads what is frozen and refuses the rest."""

import ast
import hashlib
import json
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.format import by_the_page
from tests.unit.format.by_the_page import REFUSALS, Reader, with_key_file

VECTORS = Path(__file__).parents[2] / "vectors"
FOLDERS = ("format-v1", "format-v1-chains")
REGIONS = {"format-v1": ("home", "north", "south"), "format-v1-chains": ("home",)}
FIELDS = (
    *("name", "type", "mode", "uid", "gid", "size", "mtime_ns", "ctime_ns"),
    *("inode", "link_id", "device", "target", "xattrs"),
)
LIBRARIES = {"blake3", "cryptography", "msgspec", "zstandard"}


def objects(folder: str) -> dict[str, bytes]:
    root = VECTORS / folder / "objects"
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def document(folder: str, name: str) -> Any:
    return json.loads((VECTORS / folder / name).read_text(encoding="utf-8"))


def keys(folder: str) -> str:
    return (VECTORS / folder / "keys.json").read_text(encoding="utf-8")


def reader(folder: str, held: dict[str, bytes], region: str = "home") -> Reader:
    return Reader(held, region, with_key_file(keys(folder), region))


def told(found: Reader, source: str, backup: uuid.UUID) -> Iterator[list[Any]]:
    """Say each step of the tree as the frozen description has it."""
    for step, entry, content in found.restore(source, backup):
        if step == "leave":
            yield ["leave"]
            continue
        fields = dict(zip(FIELDS, entry, strict=False))
        shown = {name: value.hex() if isinstance(value, bytes) else value for name, value in fields.items()}
        shown["xattrs"] = [[one.hex() for one in pair] for pair in entry[12]]
        shown["extents"] = [["run", one[4]] if one[0] == 1 else ["hole", one[1]] for one in entry[14]]
        yield [step, {**shown, "digest": entry[13].hex(), "sha256": hashlib.sha256(filled(entry, content)).hexdigest()}]


def filled(entry: list[Any], content: bytes) -> bytes:
    """Return the content with its holes."""
    out, place = b"", 0
    for extent in entry[14]:
        if extent[0] == 0:
            out += bytes(extent[1])
            continue
        out += content[place : place + extent[4]]
        place += extent[4]
    return out


def everything(folder: str, held: dict[str, bytes], region: str = "home") -> dict[str, Any]:
    found = reader(folder, held, region)
    return {str(backup): list(told(found, source, backup)) for source, backup in found.backups()}


def test_the_reader_knows_nothing_of_strongroom() -> None:
    tree = ast.parse(Path(by_the_page.__file__).read_text(encoding="utf-8"))
    names = {one.name for node in ast.walk(tree) if isinstance(node, ast.Import) for one in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) == LIBRARIES


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_frozen_backup_is_read(folder: str) -> None:
    expected = document(folder, "expected.json")
    for region in REGIONS[folder]:
        found = everything(folder, objects(folder), region)

        assert found == {backup: one["tree"] for backup, one in expected["backups"].items() if backup in found}
        assert len(found) > 1


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_head_of_a_manifest_has_the_fields_of_the_page(folder: str) -> None:
    page = (Path(__file__).parents[3] / "docs" / "format.md").read_text(encoding="utf-8")
    table = page.partition("| field of HEAD |")[2].partition("\n\n")[0]
    found = reader(folder, objects(folder))
    for source, backup in found.backups():
        named = set(found.head(source, backup))

        assert {name for name in named if f"`{name}`" not in table} == set()


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_broken_variant_is_refused_or_changes_nothing_that_is_read(folder: str) -> None:
    held = objects(folder)
    sound = everything(folder, held)
    cases = [case for case in document(folder, "broken.json") if not case["key"].startswith(("k/", "s/"))]
    deceived = [case for case in cases if not refused_or_same(folder, changed(held, case), sound)]

    assert len(cases) > 40
    assert deceived == []


def refused_or_same(folder: str, held: dict[str, bytes], sound: dict[str, Any]) -> bool:
    """Say whether every backup that the reader gives is the one that was written."""
    try:
        found = everything(folder, held)
    except REFUSALS:
        return True
    return all(sound[backup] == steps for backup, steps in found.items())


def changed(held: dict[str, bytes], case: dict[str, Any]) -> dict[str, bytes]:
    raw, after = held[case["key"]], dict(held)
    if case["change"] == "flip":
        byte, bit = divmod(case["bit"], 8)
        raw = raw[:byte] + bytes([raw[byte] ^ 1 << bit]) + raw[byte + 1 :]
    ways = {
        "truncate": lambda: raw[: case["size"]],
        "append": lambda: raw + bytes.fromhex(case["bytes"]),
        "replace": lambda: held[case["with"]],
        "flip": lambda: raw,
    }
    if case["change"] == "delete":
        del after[case["key"]]
    else:
        after[case["key"]] = ways[case["change"]]()
    return after
