"""Reads a Dockerfile: its instructions in order, with arguments and variables put in."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_OPTION = re.compile(r"--(?P<name>[\w-]+)=(?P<value>\S+)\s*")


@dataclass(frozen=True)
class Instruction:
    """One instruction: its word, its options (`--from=build`) and the rest of the line, variables put in."""

    word: str
    options: Mapping[str, str]
    rest: str

    @property
    def words(self) -> list[str]:
        """The rest as words: those of a JSON list, or of a shell."""
        if self.rest.startswith("["):
            words: list[str] = json.loads(self.rest)
            return words
        return shlex.split(self.rest)


@dataclass
class Stage:
    """One stage: the image it begins with, its name, and what is done in it."""

    image: str
    name: str
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, word: str) -> list[Instruction]:
        """Return the instructions of one kind."""
        return [one for one in self.instructions if one.word == word]

    def last(self, word: str) -> Instruction:
        """Return the one that counts of a kind of which the last one does."""
        return self.all(word)[-1]

    def environment(self) -> dict[str, str]:
        """Return the variables that ENV sets."""
        return dict(word.split("=", 1) for one in self.all("ENV") for word in one.words)


def read_dockerfile(path: Path, arguments: Mapping[str, str]) -> list[Stage]:
    """Return the stages, with `arguments` in place of the defaults of ARG, as `docker build --build-arg` does."""
    stages: list[Stage] = []
    known: dict[str, str] = {}
    for line in _lines(path.read_text(encoding="utf-8")):
        word, _, rest = line.partition(" ")
        rest = _VARIABLE.sub(lambda match, known=known: known[match[1]], rest.strip())
        if word == "ARG":
            name, _, default = rest.partition("=")
            known[name] = arguments.get(name, default)
        elif word == "FROM":
            image, _, name = rest.partition(" AS ")
            stages.append(Stage(image, name))
        else:
            stages[-1].instructions.append(_instruction(word, rest))
    return stages


def _instruction(word: str, rest: str) -> Instruction:
    options: dict[str, Any] = {}
    while match := _OPTION.match(rest):
        options[match["name"]] = match["value"]
        rest = rest[match.end() :]
    return Instruction(word, options, rest)


def _lines(text: str) -> Iterator[str]:
    """Yield whole instructions: continued lines joined, comments left out."""
    line = ""
    for raw in text.splitlines():
        if raw.lstrip().startswith("#") or not raw.strip():
            continue
        line += raw.strip() if line else raw
        if line.endswith("\\"):
            line = line[:-1]
            continue
        yield line
        line = ""
