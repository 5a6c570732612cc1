"""Whoever is told of an alert finds its cause in the runbook, and the commands that messages name exist."""

import ast
import importlib
import re
from collections.abc import Iterator

import click
import pytest

from strongroom.accounts.alerting import (
    CODES_FAILING,
    CODES_LOW,
    FACTOR_OFF,
    FACTOR_REPLACED,
    FACTOR_RESET,
    SESSION_STOLEN,
    SESSIONS_REUSED,
)
from strongroom.alerts.choosing import CHANNEL_FAILING
from strongroom.alerts.outbox import CHANNEL_PARTIAL
from strongroom.alerts.wording import RUNBOOK, runbook_of
from strongroom.cli.root import root
from strongroom.jobs.alerting import WATCHED
from strongroom.levels.measuring import Breach
from strongroom.servicetokens.checking import TOKEN_REUSE
from strongroom.servicetokens.ending import TOKEN_ENDING
from strongroom.standby.judging import Cause
from tests.policy.project import LIBRARY, ROOT, python_files, relative, syntax

PAGE = ROOT / RUNBOOK
REPORT = "AlertReport"
# Where the cause is no constant: what it may be.
SEVERAL = {
    "strongroom/jobs/alerting.py: watched.cause": [watched.cause for watched in WATCHED.values()],
    "strongroom/levels/alerting.py: breach.value": [breach.value for breach in Breach],
    "strongroom/standby/alerting.py: finding.cause.value": [cause.value for cause in Cause],
    "strongroom/accounts/alerting.py: cause": [
        CODES_FAILING,
        SESSION_STOLEN,
        FACTOR_RESET,
        FACTOR_OFF,
        FACTOR_REPLACED,
        CODES_LOW,
        SESSIONS_REUSED,
    ],
    "strongroom/servicetokens/checking.py: f'{TOKEN_REUSE}.{row.name}'": [TOKEN_REUSE],
    "strongroom/servicetokens/ending.py: f'{TOKEN_ENDING}.{row.name}'": [TOKEN_ENDING],
    "strongroom/watch/signs.py: sign.cause": ["beat.silent", "workers.silent", "broker.silent"],
    "strongroom/alerts/outbox.py: cause": [CHANNEL_PARTIAL],
    "strongroom/alerts/outbox.py: f'{CHANNEL_FAILING}.{name}'": [CHANNEL_FAILING],
}
BLOCK = "\n```sh\n"
CHAPTERS = [
    "1. Detection",
    "2. Triage",
    "3. Going back",
    "4. Who did what",
    "5. Afterwards",
    "6. Troubles",
    "Alerts",
]
COMMAND = re.compile(r"(?:`|: )strongroom ((?:[a-z][a-z-]*)(?: [a-z][a-z-]*)?)")


def causes() -> Iterator[tuple[str, list[str] | None]]:
    """Yield every place that opens an alert with the causes it may name; None where nobody knows them."""
    for path in python_files(LIBRARY):
        for node in ast.walk(syntax(path)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == REPORT:
                [cause] = [keyword.value for keyword in node.keywords if keyword.arg == "cause"]
                place = f"{relative(path)}: {ast.unparse(cause)}"
                yield place, SEVERAL.get(place) or constant(relative(path), cause)


def constant(file: str, cause: ast.expr) -> list[str] | None:
    """Return the value of a text, or of a name in capitals."""
    if isinstance(cause, ast.Constant):
        return [str(cause.value)]
    if not (isinstance(cause, ast.Name) and cause.id.isupper()):
        return None
    module = importlib.import_module(file.removesuffix(".py").replace("/", "."))
    return [str(getattr(module, cause.id))]


def sections() -> dict[str, str]:
    """Return the sections of the runbook."""
    _, _, runbook = PAGE.read_text(encoding="utf-8").partition("\n## Alerts\n")
    parts = re.split(r"^### (.+)\n", runbook, flags=re.M)
    assert len(set(parts[1::2])) == len(parts[1::2]), "a section stands there twice"
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def named_commands() -> Iterator[tuple[str, str]]:
    """Yield what messages of the library and the runbook tell people to type, with where it stands."""
    texts = [(RUNBOOK, PAGE.read_text(encoding="utf-8"))]
    for path in python_files(LIBRARY):
        constants = [node.value for node in ast.walk(syntax(path)) if isinstance(node, ast.Constant)]
        texts += [(relative(path), value) for value in constants if isinstance(value, str)]
    for place, text in texts:
        found = (match[1] for match in COMMAND.finditer(text))
        # What begins with no command of ours is not meant to be typed: derivations of keys name themselves so.
        yield from ((place, words) for words in found if is_command(words.split()[:1]))


def is_command(words: list[str]) -> bool:
    """Say whether the words begin with a command; what follows one that has none below it are its arguments."""
    command: click.Command | None = root
    for word in words:
        if not isinstance(command, click.Group):
            return True
        command = command.get_command(click.Context(command), word)
        if command is None:
            return False
    return True


def test_it_is_known_which_causes_alerts_have():
    found = list(causes())

    assert len(found) > 10
    assert [place for place, several in found if several is None] == []
    assert SEVERAL.keys() - {place for place, _ in found} == set()


def test_every_cause_has_its_section_and_every_section_its_cause():
    known = {runbook_of(cause) for _, several in causes() for cause in several or []}

    assert {f"{RUNBOOK}#{anchor}" for anchor in sections()} == known


@pytest.mark.parametrize("anchor", sections())
def test_a_section_says_what_to_look_at_what_to_do_and_when_it_is_over(anchor: str):
    meaning, *parts = re.split(r"^(Check|Decide|Act|Over when):", sections()[anchor], flags=re.M)

    assert parts[::2] == ["Check", "Decide", "Act", "Over when"]
    check, decide, act, over = parts[1::2]
    assert len(meaning.split()) > 5
    assert BLOCK in check, "no command to look with"
    assert len(decide.split()) > 2
    assert BLOCK in act, "no command to act or to look again with"
    assert len(over.split()) > 1


def test_the_runbook_has_its_chapters_and_every_block_says_whether_it_is_executed():
    text = PAGE.read_text(encoding="utf-8")

    assert re.findall(r"^## (.+)$", text, flags=re.M) == CHAPTERS
    assert set(re.findall(r"^```(\w*)\n.*?^```$", text, flags=re.M | re.S)) <= {"sh", "promql"}


def test_every_command_that_a_message_names_exists():
    named = set(named_commands())

    assert len(named) > 50
    assert sorted(f"{place}: {words}" for place, words in named if not is_command(words.split())) == []


def executed_lines() -> list[str]:
    """Return the lines of the blocks that a test executes."""
    found = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), flags=re.M | re.S)
    return [line.strip() for text in found for line in text.splitlines()]


def inline_texts() -> list[str]:
    """Return what stands between backticks in sentences, lists and tables."""
    sentences = re.sub(r"^```.*?^```$", "", PAGE.read_text(encoding="utf-8"), flags=re.M | re.S)
    return [" ".join(text.split()) for text in re.findall(r"`([^`]+)`", sentences)]


def test_a_command_in_a_sentence_is_the_beginning_of_one_that_is_executed():
    named = {text for text in inline_texts() if text.startswith("strongroom ")}
    lines = executed_lines()

    assert len(named) > 20
    assert [text for text in sorted(named) if not any(line.startswith(text) for line in lines)] == []


def test_a_command_in_a_sentence_is_written_as_it_is_typed():
    several = [text for text in inline_texts() if re.match(r"[a-z-]+ [a-z-]+", text)]

    assert [text for text in several if is_leaf(text.split()[:2])] == []


def is_leaf(words: list[str]) -> bool:
    """Say whether the words are a whole command and nothing less."""
    group = root.get_command(click.Context(root), words[0])
    return isinstance(group, click.Group) and group.get_command(click.Context(group), words[1]) is not None


def test_every_metric_of_the_runbook_is_on_the_page_of_metrics():
    asked = "".join(re.findall(r"^```promql\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), flags=re.M | re.S))
    named = {re.sub("_bucket$", "", name) for name in re.findall(r"strongroom_\w+", asked)}
    served = set(re.findall(r"`(strongroom_\w+)`", (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")))

    assert len(named) > 8
    assert named - served == set()
