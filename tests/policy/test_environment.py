"""One place reads the environment, so that one page can say everything it changes."""

import ast
from pathlib import Path

from tests.policy.project import LIBRARY, imported_names, python_files, relative, syntax

READERS = {"environ", "environb", "getenv", "getenvb"}


def reads_of_the_environment(path: Path) -> list[int]:
    """Return the lines on which a file names the process environment."""
    return [
        node.lineno
        for node in ast.walk(syntax(path))
        if (isinstance(node, ast.Attribute) and node.attr in READERS and getattr(node.value, "id", None) == "os")
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and READERS & {alias.name for alias in node.names})
    ]


def is_settings(path: Path) -> bool:
    return relative(path).startswith((f"{LIBRARY}/settings.py", f"{LIBRARY}/settings/"))


def test_the_settings_read_the_environment():
    assert any(reads_of_the_environment(path) for path in python_files(LIBRARY) if is_settings(path))


def test_nothing_else_in_the_library_reads_the_environment():
    readers = [
        f"{relative(path)}:{line}"
        for path in python_files(LIBRARY)
        if not is_settings(path)
        for line in reads_of_the_environment(path)
    ]

    assert readers == []


def test_no_dotenv_file_is_read_behind_the_settings_back():
    users = [relative(path) for path in python_files() if {"dotenv", "pydantic_settings"} & set(imported_names(path))]

    assert users == []
