"""The reference pages have every setting, every variable and every command, and nothing that is not there."""

import re
import shlex
from collections.abc import Iterator
from typing import Annotated, get_args, get_origin

import click
import pytest
from pydantic import BaseModel

from strongroom.cli.root import root
from strongroom.settings import Settings
from strongroom.settings.accounts import AccountSettings
from strongroom.settings.environment import VARIABLES
from strongroom.settings.retention import BUILT_IN_POLICIES
from strongroom.settings.spans import SpanSettings
from tests.policy.project import ROOT, documents, relative

BLOCK = re.compile(r"^```\w*\n(.*?)^```", re.M | re.S)
NOT_IN_THE_FILE = {"path", "catalog_url", "name", "policies", "sources", "regions", "id_format"}


def models(annotation: object) -> Iterator[type[BaseModel]]:
    """Yield the models an annotation mentions, at any depth."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models(argument)


def settings_fields(model: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[str]:
    """Yield the name of every setting of a model and of the models in it."""
    seen.add(model)
    for name, field in model.model_fields.items():
        inner = [found for found in models(field.annotation) if found not in seen]
        for found in inner:
            yield from settings_fields(found, seen)
        if not list(models(field.annotation)):
            yield name


def sections() -> list[type[BaseModel]]:
    """Return every model of the settings, also those of channels, which are chosen by their kind."""
    found, waiting = [], [BaseModel]
    while waiting:
        several = waiting.pop().__subclasses__()
        waiting += several
        found += [one for one in several if one.__module__.startswith("strongroom.settings")]
    return found


def spellings(name: str) -> set[str]:
    """Return how a setting may be written: secrets are named by a variable or a file."""
    return {name, f"{name}_env", f"{name}_file"}


def commands(
    group: click.Command = root, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command with the words that call it."""
    yield path, group
    if isinstance(group, click.Group):
        context = click.Context(group)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            yield from commands(command, (*path, name))


def shell_lines() -> Iterator[tuple[str, list[str]]]:
    """Yield every `strongroom ...` line of a shell example, split into words, with its page."""
    for page in documents():
        blocks = "\n".join(BLOCK.findall(page.read_text(encoding="utf-8")))
        for line in blocks.replace("\\\n", " ").splitlines():
            command = line.strip().removeprefix("$ ")
            if command.startswith("strongroom "):
                yield relative(page), shlex.split(command, comments=True)[1:]


def problem_with(words: list[str]) -> str | None:
    """Say what is wrong with an example, or None."""
    command: click.Command = root
    rest = list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.get_command(click.Context(command), rest[0])
        if found is None:
            return f"no command {rest[0]}"
        command = found
        rest.pop(0)
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    used = {word.split("=")[0] for word in rest if word.startswith("--")} - {"--help", "--version"}
    return f"no option {', '.join(sorted(used - known))}" if used - known else None


@pytest.fixture(scope="module")
def configuration_page() -> str:
    return (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")


def test_the_configuration_page_has_every_setting(configuration_page):
    from_variables = set(AccountSettings.model_fields) | set(SpanSettings.model_fields)
    fields = set(settings_fields(Settings, set())) - NOT_IN_THE_FILE - from_variables
    assert len(fields) > 30

    assert {field for field in fields if not re.search(rf"\b{field}(_env)?\b", configuration_page)} == set()


def test_the_configuration_page_has_no_key_that_is_not_read(configuration_page):
    rows = re.findall(r"^\| (`[^|]+) \|", configuration_page, flags=re.M)
    others = {*VARIABLES, *(policy.name for policy in BUILT_IN_POLICIES)}
    keys = {key for row in rows for key in re.findall(r"`([^`]+)`", row)} - others
    read = {spelling for section in sections() for name in section.model_fields for spelling in spellings(name)}
    assert len(keys) > 100

    assert keys - read == set()


def test_the_configuration_page_has_every_variable(configuration_page):
    assert VARIABLES
    assert {name for name in VARIABLES if name not in configuration_page} == set()


def test_the_command_page_has_every_command():
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    names = [" ".join(path) for path, command in commands() if not isinstance(command, click.Group)]
    assert len(names) > 12

    assert [name for name in names if f"strongroom {name}" not in page] == []


def test_every_command_explains_itself():
    silent = [" ".join(path) for path, command in commands() if not (command.help or "").strip()]

    assert silent == []


def test_every_example_on_a_page_can_be_typed():
    examples = list(shell_lines())
    assert len(examples) > 10

    assert [(page, words, fault) for page, words in examples if (fault := problem_with(words))] == []
