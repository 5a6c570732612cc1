"""What the policy tests look at: the files that are tracked, and the modules found by walking the packages."""

import ast
import functools
import gc
import pkgutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import strongroom

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = "strongroom"
SERVICE_PACKAGES = ("api", "worker", "tasks", "stack")
BEAT_SCHEDULE = ROOT / "beat_schedule.py"


@functools.cache
def project_files() -> tuple[Path, ...]:
    """Return every file that is tracked and exists."""
    # Also where the folder belongs to somebody else, as it may in a container.
    listing = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return tuple(sorted(path for name in names if name and (path := ROOT / name).is_file()))


def relative(path: Path) -> str:
    """Spell a file of the project as people do."""
    return path.relative_to(ROOT).as_posix()


def python_files(*tops: str) -> list[Path]:
    """Return the Python files below the named top-level folders; every Python file without a name."""
    files = [path for path in project_files() if path.suffix == ".py"]
    return [path for path in files if not tops or path.relative_to(ROOT).parts[0] in tops]


def product_files() -> list[Path]:
    """Return the Python files of the library and of the service folders."""
    return python_files(LIBRARY, *SERVICE_PACKAGES, BEAT_SCHEDULE.name)


def documents() -> list[Path]:
    """Return every Markdown page."""
    return [path for path in project_files() if path.suffix == ".md"]


@functools.cache
def syntax(path: Path) -> ast.Module:
    """Parse a Python file."""
    # A tree holds no cycles, and searching all the trees for some takes seven times as long as parsing does.
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(path.read_text(encoding="utf-8"), filename=relative(path))
    finally:
        if was_enabled:
            gc.enable()


def library_modules() -> list[str]:
    """Return the dotted name of every module in the library, found by walking the package."""
    found = pkgutil.walk_packages(strongroom.__path__, prefix=f"{LIBRARY}.")
    return [LIBRARY, *(module.name for module in found if ".migrations." not in module.name)]


def service_modules() -> list[str]:
    """Return the dotted name of every module in the service folders that is not a program of its own."""
    names = [relative(path).removesuffix(".py").removesuffix("/__init__") for path in python_files(*SERVICE_PACKAGES)]
    return [name.replace("/", ".") for name in names if not name.endswith("__main__")]


@functools.cache
def imported_names(path: Path, *, top_level_only: bool = False) -> tuple[str, ...]:
    """Return the dotted name of every absolute import that happens when the program runs."""
    names: list[str] = []
    for node in syntax(path).body if top_level_only else running(syntax(path)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.append(node.module)
    return tuple(names)


def running(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk the statements of a syntax tree without the blocks that only a type checker reads."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [part for part in parts(node) if not is_for_types(part)]


def parts(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what a statement is made of, but no expressions: they hold no statements."""
    return (child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.expr | ast.expr_context))


def is_for_types(node: ast.AST) -> bool:
    """Say whether a block is read by a type checker only."""
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


@functools.cache
def metadata() -> dict[str, Any]:
    """Return pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
