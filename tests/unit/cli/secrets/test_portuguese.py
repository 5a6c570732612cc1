"""Everything the commands say has its Portuguese, with the same fields."""

import ast
import string
from pathlib import Path

import strongroom.cli.secrets
from strongroom.cli.secrets.portuguese import PORTUGUESE

FOLDER = Path(strongroom.cli.secrets.__file__).parent
SAYS = {"line", "warn", "audit", "confirm", "text"}


def said() -> set[str]:
    """Return every sentence that is handed to a speaker as it stands."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call) and speaks(node.func)]
    return {arg.value for call in calls for arg in call.args if isinstance(arg, ast.Constant) and arg.value}


def speaks(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and function.attr in SAYS and "speaker" in ast.unparse(function.value)


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def test_every_sentence_is_translated():
    assert len(said()) > 40
    assert said() - set(PORTUGUESE) == set()


def test_a_translation_has_the_fields_of_its_sentence():
    assert [english for english, portuguese in PORTUGUESE.items() if fields(english) != fields(portuguese)] == []
