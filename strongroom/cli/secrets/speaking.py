"""What a command of `strongroom secrets` says: in English, or in Portuguese where the terminal is set to it."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click

from strongroom.cli.invocation import Invocation
from strongroom.cli.screen import Screen
from strongroom.cli.secrets.errors import NotConfirmedError
from strongroom.cli.secrets.logfile import CONSOLE, LOGGER
from strongroom.cli.secrets.portuguese import PORTUGUESE

_CONSOLE = logging.getLogger(CONSOLE)
_LOGGER = logging.getLogger(LOGGER)


def is_portuguese(env: Mapping[str, str]) -> bool:
    """Say whether the terminal is set to Portuguese: the first of LC_ALL, LC_MESSAGES and LANG that is set decides."""
    locale = next((env[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if env.get(name)), "")
    return locale.lower().startswith("pt")


@dataclass(frozen=True, slots=True)
class Speaker:
    """Shows lines and writes them to the log file; templates are in English and keys of the Portuguese catalog."""

    screen: Screen
    portuguese: bool = False

    @classmethod
    def of(cls, invocation: Invocation) -> "Speaker":
        """Return the speaker of a call."""
        return cls(invocation.screen, is_portuguese(invocation.environment()))

    def text(self, template: str, **values: object) -> str:
        """Return a sentence in the language of the terminal."""
        return (PORTUGUESE.get(template, template) if self.portuguese else template).format(**values)

    def line(self, template: str = "", **values: object) -> None:
        """Show a line of the answer; JSON has a document of its own instead."""
        text = self.text(template, **values)
        if not self.screen.json:
            self.screen.line(text)
        if text:
            _CONSOLE.info(text)

    def warn(self, template: str, **values: object) -> None:
        """Show something the operator should know, on stderr."""
        text = self.text(template, **values)
        self.screen.warn(text)
        _CONSOLE.warning(text)

    def document(self, value: Mapping[str, Any]) -> None:
        """Print the whole answer as JSON, where that was asked for."""
        if self.screen.json:
            self.screen.document(value)
            _CONSOLE.info(json.dumps(value, ensure_ascii=False))

    def audit(self, template: str, **values: object) -> None:
        """Write a line to the log alone: to the log file, and with -v to stderr."""
        _LOGGER.info(self.text(template, **values))

    def confirm(self, question: str, *, yes: bool, **values: object) -> None:
        """Return when the question is answered with yes; raises NotConfirmedError."""
        text = self.text(question, **values)
        if yes:
            return
        try:
            agreed = click.confirm(text, err=self.screen.json)
        except click.Abort:
            agreed = False
        _CONSOLE.info("%s %s", text, "y" if agreed else "N")
        if not agreed:
            raise NotConfirmedError("Nothing was changed.", next_step="Answer y, or give --yes, to go on.")
