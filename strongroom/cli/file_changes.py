"""Changes of files, in the audit log: a row before, so that one that breaks off half-way shows, and one after it."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from strongroom.audit.acting import describe, find_binding
from strongroom.cli.acts import announce, ending_row
from strongroom.cli.invocation import Invocation

if TYPE_CHECKING:
    from strongroom.catalog.session import Catalog
    from strongroom.services import Services


@contextmanager
def changing_files(opener: "Invocation | Services", *paths: Path, last: bool = True) -> Iterator[None]:
    """Leave a row that says that files begin to be changed, and one of what became of it, each with their digest.

    `last` says that nothing else of the command is to be recorded. Where there is no installation there is no log; one
    that does not answer is said and forbids nothing, as keys are put back when much else is broken.
    """
    binding = find_binding()
    if binding is not None and not binding.target:
        binding.target = ", ".join(map(str, paths))
    with _open_log(opener) as catalog:
        describe(before=digest_of(paths))
        if catalog is None:
            yield
            return
        announce(catalog)
        with ending_row(catalog, last=last):
            try:
                yield
            finally:
                describe(after=digest_of(paths))


def digest_of(paths: Sequence[Path]) -> str:
    """Return what shows whether files are the ones that were meant: empty where there is none.

    Of one file it is the SHA-256 that `sha256sum` prints, of more and of folders that of their lines `SHA-256 path`.
    It says nothing about keys, which are at random.
    """
    sums = [(_digest_of(file), file) for path in paths for file in _files_in(path)]
    if len(sums) < 2:
        return "".join(digest for digest, _ in sums)
    return hashlib.sha256("".join(f"{digest} {file}\n" for digest, file in sums).encode()).hexdigest()


def _files_in(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(one for one in path.rglob("*") if one.is_file())
    elif path.is_file():
        yield path


def _digest_of(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        # Gone meanwhile, or somebody else's; whoever wants to change it says so.
        return ""


@contextmanager
def _open_log(opener: "Invocation | Services") -> "Iterator[Catalog | None]":
    if not isinstance(opener, Invocation):
        yield opener.catalog
        return
    # Not above: most commands need nothing of an installation before they are called.
    from strongroom.runtime import build_runtime
    from strongroom.settings import ConfigNotFoundError

    try:
        settings = opener.settings()
    except ConfigNotFoundError:
        yield None
        return
    runtime = build_runtime(settings)
    try:
        yield runtime.catalog
    finally:
        runtime.close()
