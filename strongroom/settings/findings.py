"""Collects mistakes and says them in words an operator can act on."""

import difflib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticUndefined

from strongroom.settings.errors import Mistake
from strongroom.settings.fields import Section
from strongroom.settings.places import KeyPath, Places

SectionT = TypeVar("SectionT", bound=Section)

_WORDS = {
    "string_type": "This should be text in quotes.",
    "path_type": "This should be text in quotes.",
    "int_type": "This should be a whole number, without quotes.",
    "bool_type": "This should be true or false, without quotes.",
    "tuple_type": "This should be a list in [brackets].",
    "less_than_equal": "This should be at most {le}.",
    "greater_than_equal": "This should be at least {ge}.",
    "literal_error": "This should be {expected}.",
    "string_too_short": "This is empty.",
    "string_pattern_mismatch": "This is not written as it should be.",
    "too_short": "This list is empty.",
}


class Findings:
    """The mistakes found so far in one file."""

    def __init__(self, places: Places, base: Path) -> None:
        self._places = places
        self._base = base
        self._mistakes: list[Mistake] = []

    def add(self, path: KeyPath, what: str, instead: str) -> None:
        """Note a mistake at a key; where the key is absent, the line is that of the table it belongs to."""
        place = ".".join(str(part) for part in path) or "the file"
        self._mistakes.append(Mistake(self._line_of(path), place, what, instead))

    def add_variable(self, variable: str, what: str, instead: str) -> None:
        """Note a mistake in the environment."""
        self._mistakes.append(Mistake(None, variable, what, instead))

    def check(self, model: type[SectionT], table: dict[str, Any], path: KeyPath) -> SectionT | None:
        """Return the section a table describes, or note what is wrong with it and return None."""
        if not table and model.has_sound_defaults():
            return model.defaults()
        try:
            return model.model_validate(table, context={"base": self._base})
        except ValidationError as error:
            for detail in error.errors(include_url=False, include_input=False):
                self._explain(model, detail, path)
        return None

    def in_order(self) -> tuple[Mistake, ...]:
        """Return the mistakes in the order of the file, those of the environment last."""
        return tuple(sorted(self._mistakes, key=lambda mistake: mistake.line or 1 << 31))

    def _line_of(self, path: KeyPath) -> int:
        while path and path not in self._places:
            path = path[:-1]
        return self._places.get(path, 1)

    def _explain(self, model: type[Section], detail: ErrorDetails, path: KeyPath) -> None:
        where = detail["loc"]
        if detail["type"] == "missing":
            example = _example(_field(model, where), str(where[-1]))
            self.add((*path, *where), "This is missing.", f"Write for example `{example}`.")
        elif detail["type"] == "extra_forbidden":
            self.add((*path, *where), "This key is not known.", _known_keys(model, where))
        elif detail["type"] == "name" and where == ("name",):
            self.add(path, detail["msg"], "Rename the table.")
        else:
            words = _WORDS.get(detail["type"])
            what = words.format(**detail.get("ctx", {})) if words else detail["msg"]
            field = _field(model, where)
            self.add((*path, *where), what, f"Write for example `{_example(field, str(where[-1]))}`." if field else "")


def suggest(name: str, known: Iterable[str], what: str) -> str:
    """Return a sentence that names the nearest known name, or all of them."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f"Did you mean `{near[0]}`?"
    return f"{what}: {', '.join(names)}." if names else f"{what}: none yet."


def file_keys(model: type[Section]) -> list[str]:
    """Return the keys a table of the file may have: secrets by their variable, without the name in the header."""
    fields = model.model_fields
    return [f"{name}_env" if is_secret(field) else name for name, field in fields.items() if name != "name"]


def is_secret(field: FieldInfo) -> bool:
    """Say whether a setting comes from the environment and never from the file."""
    return SecretStr in (field.annotation, *getattr(field.annotation, "__args__", ()))


def _known_keys(model: type[Section], where: tuple[int | str, ...]) -> str:
    table = _model_at(model, where[:-1])
    return suggest(str(where[-1]), file_keys(table), "Known keys") if table else ""


def _model_at(model: type[Section], where: tuple[int | str, ...]) -> type[Section] | None:
    for part in where:
        field = model.model_fields.get(str(part))
        if field is None or not isinstance(field.annotation, type) or not issubclass(field.annotation, Section):
            return None
        model = field.annotation
    return model


def _field(model: type[Section], where: tuple[int | str, ...]) -> FieldInfo | None:
    names = [part for part in where if isinstance(part, str)]
    table = _model_at(model, tuple(names[:-1])) if names else None
    return table.model_fields.get(names[-1]) if table else None


def _example(field: FieldInfo | None, name: str) -> str:
    value: Any = "..."
    if field and field.examples:
        value = field.examples[0]
    elif field and field.default not in (None, PydanticUndefined):
        value = field.default
    return f"{name} = {spell(value)}"


def spell(value: Any) -> str:
    """Write a value as TOML does."""
    return json.dumps(list(value) if isinstance(value, tuple) else value, default=str, ensure_ascii=False)
