"""Writes docs/errors.md from the error classes: `make docs`, or `python -m tests.policy.error_page`."""

import importlib
from collections.abc import Iterator
from pathlib import Path

from strongroom.errors import StrongroomError
from tests.policy.project import LIBRARY, ROOT, SERVICE_PACKAGES, library_modules, service_modules

PAGE = ROOT / "docs" / "errors.md"

HEADING = """# Errors

Every error has a stable code. The command line prints it with `--json`, the API answers it as `code` in a
`application/problem+json` body, and a failed job keeps it. Next to the code there is always a message that says what
happened and a `next_step` that says what to do. This page is written by `make docs` from the classes themselves.

*Exit code* is what a command ends with; the numbers are explained [with the command line](cli.md#exit-codes). *Retry*
says whether the same call may succeed later without anybody changing anything.

| code | meaning | exit code | retry |
|---|---|---|---|
"""


def subclasses(root: type[StrongroomError]) -> Iterator[type[StrongroomError]]:
    for child in root.__subclasses__():
        yield child
        yield from subclasses(child)


def error_classes() -> list[type[StrongroomError]]:
    """Return every error class of the project, in the order of their codes."""
    for module in [*library_modules(), *service_modules()]:
        importlib.import_module(module)
    found = {StrongroomError, *subclasses(StrongroomError)}
    own = [error for error in found if error.__module__.split(".")[0] in {LIBRARY, *SERVICE_PACKAGES}]
    return sorted(own, key=lambda error: error.code)


def first_sentence(error: type[StrongroomError]) -> str:
    return " ".join((error.__doc__ or "").split("\n\n")[0].split())


def render() -> str:
    """Return the page as it should be."""
    rows = (
        f"| `{error.code}` | {first_sentence(error)} | {error.exit_code.value} | {'yes' * error.retryable} |\n"
        for error in error_classes()
    )
    return HEADING + "".join(rows)


def write(page: Path = PAGE) -> None:
    """Replace the page."""
    page.write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    write()
