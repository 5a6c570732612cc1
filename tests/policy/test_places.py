"""The project speaks of itself only: no path of the machine it was written on, no package registry."""

import re

from tests.policy.project import project_files, relative

MACHINE_PATH = re.compile(r"(?<![\w.~-])/(root|work|home|Users)(/|\b(?=[\s\"'`),:;]))")
REGISTRY = re.compile(
    r"\b(pypi|files\.pythonhosted|registry\.npmjs|artifactory|test\.pypi)\.(org|com)\b|(--|_)(extra-)?index-url[ =]+\S",
    re.I,
)
URL_WITH_PASSWORD = re.compile(r"(https?|ftp)://[^\s/:@\"'{}]+:[^\s/@\"'{}]+@", re.I)


def offenders(pattern: re.Pattern[str]) -> list[str]:
    found = []
    for path in project_files():
        text = path.read_bytes().decode("utf-8", errors="replace")
        found += [f"{relative(path)}: {match[0]}" for match in pattern.finditer(text)]
    return found


def test_the_patterns_find_what_they_are_for():
    assert MACHINE_PATH.search("see /" + "root/notes")
    assert MACHINE_PATH.search('"/' + 'home"')
    assert not MACHINE_PATH.search("a tree/" + "root/leaf")
    assert REGISTRY.search("py" + "pi.org")
    assert URL_WITH_PASSWORD.search("https://" + "someone:secret@example.org")


def test_no_file_names_a_place_on_the_machine_it_was_written_on():
    assert offenders(MACHINE_PATH) == []


def test_no_file_names_a_package_registry():
    assert offenders(REGISTRY) == []


def test_no_file_holds_an_address_with_a_password():
    assert offenders(URL_WITH_PASSWORD) == []
