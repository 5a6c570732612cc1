"""The shell blocks of a page, section by section, and the command lines in them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.M | re.S)
HEADING = re.compile(r"^#{2,6} (?P<title>.+)$", re.M)
ENDS_WITH = re.compile(r"\s# .*\bends with (?P<code>\d+)\b")
# What stands behind a hash is for people, and may hold an apostrophe.
COMMENT = re.compile(r"\s+# .*$", re.M)
HEREDOC = re.compile(r"<<-?\s*'?(?P<end>[A-Z]+)'?")
EXECUTED = "sh"


@dataclass(frozen=True)
class Line:
    """One command as it stands on the page, and the exit code that the page promises."""

    text: str
    ends_with: int


@dataclass(frozen=True)
class Block:
    """One block; `section` is the heading it stands under."""

    section: str
    text: str

    @property
    def lines(self) -> list[Line]:
        """The commands; continued lines and texts that follow `<<` belong to the command before them."""
        return [Line(text, _promised(text)) for text in _commands(self.text.splitlines())]


def blocks(page: Path, language: str = EXECUTED) -> list[Block]:
    """Return the blocks of a language in the order of the page."""
    text = page.read_text(encoding="utf-8")
    found = [match for match in FENCE.finditer(text) if match["language"] == language]
    return [Block(_heading_before(text, match.start()), match["text"]) for match in found]


def languages(page: Path) -> set[str]:
    """Return what the fenced blocks of a page say they are; "" for those that say nothing."""
    return {match["language"] for match in FENCE.finditer(page.read_text(encoding="utf-8"))}


def _heading_before(text: str, place: int) -> str:
    # A line of a block may begin with a hash too; blocks are blanked so that places stay the same.
    bare = FENCE.sub(lambda match: " " * len(match[0]), text[:place])
    titles = [match["title"] for match in HEADING.finditer(bare)]
    return titles[-1] if titles else ""


def _promised(command: str) -> int:
    found = ENDS_WITH.search(command)
    return int(found["code"]) if found else 0


def _commands(lines: list[str]) -> Iterator[str]:
    waiting = iter(lines)
    for line in waiting:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        command = line
        while command.endswith("\\") or _is_inside_quotes(command):
            command += "\n" + next(waiting)
        heredoc = HEREDOC.search(command)
        while heredoc and command.splitlines()[-1] != heredoc["end"]:
            command += "\n" + next(waiting)
        yield command


def _is_inside_quotes(command: str) -> bool:
    try:
        shlex.split(COMMENT.sub("", command))
    except ValueError:
        return True
    return False
