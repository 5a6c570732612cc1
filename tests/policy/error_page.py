"""Writes docs/errors.md from the error classes: `make docs`, or `python -m tests.policy.error_page`."""

import importlib
from collections.abc import Iterator
from pathlib import Path

from strongroom.errors import ExitCode, StrongroomError
from tests.policy.project import LIBRARY, ROOT, SERVICE_PACKAGES, library_modules, service_modules

PAGE = ROOT / "docs" / "errors.md"

HEADING = """# Errors

Every error has a stable code. The command line prints it with `--json`, the API answers it as `code` in a
`application/problem+json` body, and a failed job keeps it. Next to the code there is always a message that says what
happened and a `next_step` that says what to do. This page is written by `make docs` from the classes themselves.

"""

EXIT_CODES = {
    ExitCode.OK: "Done.",
    ExitCode.FAILURE: "It failed, and no narrower number fits.",
    ExitCode.USAGE: "The command, its arguments or the settings are wrong.",
    ExitCode.PARTIAL: "A backup was made, and something in it could not be read; the problems are listed with it.",
    ExitCode.UNHEALTHY: "The question was answered, and the answer is not good: a source is not protected.",
    ExitCode.NOT_FOUND: "The named thing does not exist.",
    ExitCode.BUSY: "Somebody else holds it, or it already exists.",
    ExitCode.CANNOT_DECRYPT: "The key at hand does not open the data.",
    ExitCode.NOT_ALLOWED: "A permission is missing.",
    ExitCode.DEPENDENCY_DOWN: "Something Strongroom needs did not answer.",
    ExitCode.INTEGRITY: "Stored bytes are not the bytes that were written.",
    ExitCode.TRY_LATER: "Nothing is wrong; the same command may succeed later.",
    ExitCode.INTERRUPTED: "Ctrl-C. A job that was submitted goes on.",
}


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
    exits = "".join(f"| {code.value} | {code.name} | {meaning} |\n" for code, meaning in EXIT_CODES.items())
    rows = "".join(
        f"| `{error.code}` | {first_sentence(error)} | {error.exit_code.value} | {'yes' * error.retryable} |\n"
        for error in error_classes()
    )
    return (
        f"{HEADING}## Exit codes\n\n| number | name | meaning |\n|---|---|---|\n{exits}\n"
        f"## Codes\n\n*Retry* says whether the same call may succeed later without anybody changing anything.\n\n"
        f"| code | meaning | exit code | retry |\n|---|---|---|---|\n{rows}"
    )


def write(page: Path = PAGE) -> None:
    """Replace the page."""
    page.write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    write()
