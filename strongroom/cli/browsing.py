"""How the content of backups and their differences are shown."""

import stat
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from strongroom.backup.comparing import Change, ChangeKind
from strongroom.backup.selection import PathEntry
from strongroom.cli.documents import plain
from strongroom.cli.figures import count, moment
from strongroom.cli.screen import Screen
from strongroom.logs.human_lines import visible
from strongroom.tree.entry import Entry, EntryType

_TYPES = {
    EntryType.FILE: stat.S_IFREG,
    EntryType.DIRECTORY: stat.S_IFDIR,
    EntryType.SYMLINK: stat.S_IFLNK,
    EntryType.FIFO: stat.S_IFIFO,
    EntryType.SOCKET: stat.S_IFSOCK,
    EntryType.CHARACTER_DEVICE: stat.S_IFCHR,
    EntryType.BLOCK_DEVICE: stat.S_IFBLK,
}
_MARKS = {
    ChangeKind.ADDED: "+",
    ChangeKind.REMOVED: "-",
    ChangeKind.CONTENT: "M",
    ChangeKind.METADATA: "U",
    ChangeKind.TYPE: "T",
}


def show_entries(entries: Iterable[PathEntry], screen: Screen, *, long: bool) -> None:
    """Print entries, one a line, as they come."""
    for path, entry in entries:
        if screen.json:
            screen.event("entry", **_document(path, entry))
        elif long:
            screen.line(f"{_long(entry)}  {_shown(path, entry)}")
        else:
            screen.line(_shown(path, entry))


def show_changes(changes: Iterable[Change], screen: Screen) -> None:
    """Print changes, one a line, as they come, and what they come to."""
    counted: Counter[ChangeKind] = Counter()
    added, removed = 0, 0
    for change in changes:
        counted[change.kind] += 1
        if change.kind is not ChangeKind.METADATA:
            added += _bytes(change.after)
            removed += _bytes(change.before)
        _show_change(change, screen)
    if screen.json:
        kinds = {kind.value: counted[kind] for kind in ChangeKind}
        screen.event("summary", **kinds, added_bytes=added, removed_bytes=removed)
        return
    words = ", ".join(f"{counted[kind]:,} {kind.value}" for kind in ChangeKind if counted[kind])
    screen.say(f"{count(counted.total(), 'entry differs', 'entries differ')}{': ' * bool(words)}{words}.")


def _show_change(change: Change, screen: Screen) -> None:
    entry = change.after or change.before
    if entry is None:
        return
    if screen.json:
        sides = {"before": change.before, "after": change.after}
        documents = {name: _document(change.path, side) if side else None for name, side in sides.items()}
        screen.event("change", change=change.kind.value, path=_text(change.path), **documents)
    else:
        screen.line(f"{_MARKS[change.kind]}  {_shown(change.path, entry)}")


def _document(path: bytes, entry: Entry) -> dict[str, Any]:
    return {
        "path": _text(path),
        "type": entry.type.name.lower().replace("_", "-"),
        "mode": f"{entry.mode:04o}",
        "uid": entry.uid,
        "gid": entry.gid,
        "size": entry.size,
        "mtime": plain(_mtime(entry)),
        "target": _text(entry.target) if entry.target else None,
    }


def _long(entry: Entry) -> str:
    rights = stat.filemode(_TYPES[entry.type] | entry.mode)
    return f"{rights}  {entry.uid:>5} {entry.gid:>5}  {entry.size:>13,}  {moment(_mtime(entry))}"


def _shown(path: bytes, entry: Entry) -> str:
    arrow = f" -> {_text(entry.target)}" if entry.target else ""
    # One entry, one line, whatever is in its name.
    return visible(_text(path) + "/" * (entry.type is EntryType.DIRECTORY) + arrow)


def _bytes(entry: Entry | None) -> int:
    return entry.size if entry is not None and entry.type is EntryType.FILE else 0


def _mtime(entry: Entry) -> datetime | None:
    try:
        return datetime.fromtimestamp(entry.mtime_ns // 10**9, UTC)
    except (OverflowError, ValueError):
        # File systems keep times that no calendar here reaches.
        return None


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")
