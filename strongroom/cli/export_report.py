"""How exports are shown."""

from collections.abc import Sequence
from pathlib import Path

from strongroom.cli.figures import count, moment, size
from strongroom.cli.screen import Screen
from strongroom.clock import Clock
from strongroom.exports.checking import Export
from strongroom.exports.making import Made
from strongroom.exports.manifest import manifest_document

SECONDS_BETWEEN_LINES = 60.0


class ByteLines:
    """Says once a minute how far the writing of an export is."""

    def __init__(self, screen: Screen, clock: Clock) -> None:
        self._screen = screen
        self._clock = clock
        self._said = clock.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """Take note of so many bytes of about `total`."""
        if self._clock.monotonic() - self._said >= SECONDS_BETWEEN_LINES:
            self._said = self._clock.monotonic()
            self._screen.say(f"{size(done)} of about {size(total)} exported.")


def show_made(made: Made, removed: Sequence[Path], screen: Screen) -> None:
    """Print where an export is, and what was deleted for it."""
    if screen.json:
        document = {"directory": str(made.directory), "manifest": manifest_document(made.manifest)}
        screen.event("summary", **document, removed=[str(path) for path in removed])
        return
    screen.line(str(made.directory))
    total = sum(part.size_bytes for part in made.manifest.parts)
    screen.say(f"Exported {' and '.join(part.source for part in made.manifest.parts)}: {size(total)}, encrypted.")
    for path in removed:
        screen.say(f"Deleted {path.name}.")
    screen.say(f"Restore it: strongroom export restore {made.directory}")
    screen.say("Whoever restores it needs strongroom.toml and a key: keep them, or the recovery kit, elsewhere too.")


def show_exports(exports: Sequence[Export], screen: Screen) -> None:
    """Print a table of exports."""
    if screen.json:
        screen.document(
            [{"directory": str(one.directory), "manifest": manifest_document(one.manifest)} for one in exports]
        )
        return
    rows = [
        (
            one.directory.name,
            moment(one.manifest.timestamp),
            one.manifest.database.source if one.manifest.database else "-",
            one.manifest.storage.source if one.manifest.storage else "-",
            size(sum(part.size_bytes for part in one.manifest.parts)),
        )
        for one in exports
    ]
    screen.table(("EXPORT", "MADE", "DATABASE", "STORAGE", "#SIZE"), rows)


def show_checked(export: Export, screen: Screen) -> None:
    """Say that the files are those the manifest names."""
    if screen.json:
        screen.document(
            {"directory": str(export.directory), "manifest": manifest_document(export.manifest), "whole": True}
        )
        return
    screen.line(f"{export.directory.name}: {count(len(export.manifest.parts), 'file')} as written.")
