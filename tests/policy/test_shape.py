"""Files and functions stay small enough to be read in one go, and every module has a name that says what it holds."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.policy.project import product_files, project_files, python_files, relative, syntax

LONGEST_FILE = 400
LONGEST_FUNCTION = 40
NAMELESS = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "manager",
    "managers",
    "misc",
    "stuff",
    "base_utils",
    "shared",
}
UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
SILENCER = re.compile(r"#\s*(no" + r"qa|type:\s*ig" + r"nore|pragma: no " + r"cover)(?P<rest>.*)")
EXPLAINED = re.compile(r"^(:\s*[A-Z]+\d+(, ?[A-Z]+\d+)*|\[[a-z-]+(, ?[a-z-]+)*\])\s*(#|-|--|:)?\s*\S+ \S+ \S+")


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(syntax(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def test_the_walk_finds_the_code():
    assert len(product_files()) > 60
    assert sum(1 for path in product_files() for _ in functions(path)) > 300


def test_no_file_is_longer_than_the_limit():
    lengths = {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in python_files()}

    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}


def is_migration(path: Path) -> bool:
    """A migration is a list of tables and columns, written once; splitting it hides what it does."""
    return path.parent.name == "versions" and path.parent.parent.name == "migrations"


def test_no_function_is_longer_than_the_limit():
    long = [
        f"{relative(path)}:{function.lineno} {function.name} has {length(function)} lines"
        for path in python_files()
        for function in functions(path)
        if length(function) > LONGEST_FUNCTION and not is_migration(path)
    ]

    assert long == []


def test_no_module_or_folder_has_a_name_that_says_nothing():
    nameless = [relative(path) for path in project_files() if NAMELESS & {*path.parent.parts, path.stem}]

    assert nameless == []


def test_nothing_is_left_for_later_in_the_code():
    left = [
        f"{relative(path)}:{number}"
        for path in python_files()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if UNFINISHED.search(line)
    ]

    assert left == []


def test_a_silenced_checker_names_the_rule_and_the_reason():
    unexplained = [
        f"{relative(path)}:{number} {line.strip()}"
        for path in python_files()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if (silencer := SILENCER.search(line)) and not EXPLAINED.match(silencer["rest"].strip())
    ]

    assert unexplained == []
