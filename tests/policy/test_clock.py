"""Time, randomness and sleeping are arguments, so that a test decides them and a frozen vector can be made again."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.policy.project import LIBRARY, ROOT, imported_names, python_files, relative, syntax

MODULES = {"random", "secrets", "time"}
CALLS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "os.urandom", "uuid.uuid1", "uuid.uuid4"}
LAST_WORDS = {call.rpartition(".")[2] for call in CALLS}
THE_SOURCE = f"{LIBRARY}/clock.py"
# Its random names only keep two temporary files apart; nothing that is stored depends on them.
UNGUESSABLE_NAMES = {f"{LIBRARY}/storage/incoming.py"}


def uses(path: Path) -> Iterator[str]:
    """Yield what a file takes from the machine's clock or randomness, each with its line."""
    for name in MODULES & set(imported_names(path)):
        yield f"{relative(path)} imports {name}"
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.Attribute) and node.attr in LAST_WORDS and ast.unparse(node) in CALLS:
            yield f"{relative(path)}:{node.lineno} {ast.unparse(node)}"


def test_the_clock_itself_is_found():
    assert len(list(uses(ROOT / THE_SOURCE))) >= 3


def test_nothing_else_in_the_library_reads_the_clock_or_makes_randomness():
    excused = {THE_SOURCE, *UNGUESSABLE_NAMES}
    files = [path for path in python_files(LIBRARY) if relative(path) not in excused]
    product = [path for path in files if not relative(path).startswith(f"{LIBRARY}/testing/")]

    assert [use for path in product for use in uses(path)] == []
