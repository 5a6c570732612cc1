"""Every error can be looked up: a class of its own, a code of its own, a sentence of its own."""

import re
from collections import Counter

from strongroom.errors import ExitCode, StrongroomError
from tests.policy.error_page import PAGE, error_classes, first_sentence, render
from tests.policy.project import LIBRARY, ROOT

CODE = re.compile(r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")
SINGLE_FILES = {"errors": "strongroom"}


def room_of(error: type[StrongroomError]) -> str:
    top, room, *_ = error.__module__.split(".")
    return SINGLE_FILES.get(room, room) if top == LIBRARY else top


def test_the_walk_finds_the_errors():
    assert len(error_classes()) > 40


def test_every_error_has_a_code_of_its_own():
    codes = Counter(error.code for error in error_classes())

    assert [code for code, count in codes.items() if count > 1] == []
    assert [error.__name__ for error in error_classes() if "code" not in vars(error)] == []


def test_a_code_names_the_room_it_comes_from():
    odd = [
        error.code
        for error in error_classes()
        if not CODE.match(error.code) or error.code.split(".")[0] != room_of(error)
    ]

    assert odd == []


def test_every_error_says_in_a_sentence_what_it_means():
    silent = [error.__name__ for error in error_classes() if "__doc__" not in vars(error) or not first_sentence(error)]
    unfinished = [error.__name__ for error in error_classes() if not first_sentence(error).endswith(".")]

    assert (silent, unfinished) == ([], [])


def test_every_error_is_called_one():
    assert [error.__name__ for error in error_classes() if not error.__name__.endswith("Error")] == []


def test_every_exit_code_is_explained():
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")

    assert [code.name for code in ExitCode if f"| {code.value} | `{code.name}` | " not in page] == []


def test_the_page_of_errors_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == render(), "Run `make docs`."
