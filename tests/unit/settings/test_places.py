"""The line of every key of a TOML document."""

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.settings.places import KeyPath, locate

NESTED = """\
# a comment with [brackets] and "quotes"
top = 1
a.b.c = "x = 1"
[sources]
  [sources.shop]  # [not.a.header]
  kind = 'postgres'
  "quoted key" = true
  'literal # key' = 1979-05-27 07:32:00
[sources.shop."d.e"]
"\\u0066ile" = [1, 2, # three
  3,
]
"""

ARRAYS = """\
[[region]]
name = "a"
[region.kek]
key = "k"
[[region.zone]]
id = 1
[[region.zone]]
id = 2
[[region]]
name = "b"
kek = { key = "k", deep = { x = [ {y = 1}, {y = 2} ] } }
point.x = 3
"""

STRINGS = '''\
one = """first "" line
second = not a key
[not.a.table] \\""" still inside """
two = \'\'\'
['not'] # a comment
\'\'\'
three = """"quoted""""
four = """"""
five = "a \\\\"
six = "#"
'''


@pytest.mark.parametrize(
    ("document", "path", "line"),
    [
        (NESTED, ("top",), 2),
        (NESTED, ("a",), 3),
        (NESTED, ("a", "b", "c"), 3),
        (NESTED, ("sources",), 4),
        (NESTED, ("sources", "shop"), 5),
        (NESTED, ("sources", "shop", "kind"), 6),
        (NESTED, ("sources", "shop", "quoted key"), 7),
        (NESTED, ("sources", "shop", "literal # key"), 8),
        (NESTED, ("sources", "shop", "d.e"), 9),
        (NESTED, ("sources", "shop", "d.e", "file"), 10),
        (NESTED, ("sources", "shop", "d.e", "file", 2), 11),
        (ARRAYS, ("region", 0, "kek", "key"), 4),
        (ARRAYS, ("region", 0, "zone", 1, "id"), 8),
        (ARRAYS, ("region", 1), 9),
        (ARRAYS, ("region", 1, "kek", "deep", "x", 1, "y"), 11),
        (ARRAYS, ("region", 1, "point", "x"), 12),
        (STRINGS, ("two",), 4),
        (STRINGS, ("three",), 7),
        (STRINGS, ("six",), 10),
    ],
)
def test_a_key_is_found_on_its_line(document: str, path: KeyPath, line: int) -> None:
    assert locate(document)[path] == line


@pytest.mark.parametrize("document", [NESTED, ARRAYS, STRINGS, "", "\n\n", "a=1", "[a]\n[a.b]\r\nc=1\r\n"])
def test_exactly_the_keys_of_the_document_are_located(document: str) -> None:
    assert set(locate(document)) == set(_paths(tomllib.loads(document)))


def test_an_explicit_header_wins_over_an_earlier_mention() -> None:
    assert locate("[a.b]\n[a]\nc = 1\n")[("a",)] == 2


KEYS = st.one_of(
    st.from_regex(r"[A-Za-z0-9_-]{1,5}", fullmatch=True),
    st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=5),
)
SCALARS = st.one_of(st.integers(-9, 9), st.booleans(), st.text(alphabet="ab\"#[]{}=,.\\' ", max_size=8))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)


@given(st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES, max_size=4), max_size=4))
def test_any_document_is_walked_like_tomllib_reads_it(content: dict[str, dict[str, Any]]) -> None:
    lines = []
    for table, values in content.items():
        lines.append(f"[{_quote(table)}]")
        lines += [f"{_quote(key)} = {_spell(value)}" for key, value in values.items()]
    document = "\n".join(lines)
    assert tomllib.loads(document) == content
    assert set(locate(document)) == set(_paths(content))


def _paths(value: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    if path:
        yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _paths(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _paths(inner, (*path, index))


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _spell(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _quote(value)
    if isinstance(value, list):
        return "[" + ", ".join(_spell(inner) for inner in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quote(key)} = {_spell(inner)}" for key, inner in value.items()) + "}"
    return str(value)
