"""The permissions in docs/aws.md are exactly those of the calls that the code makes."""

import ast
import json
import re
from typing import Any

import pytest

from strongroom.aws.calls import AwsCall
from strongroom.aws.permissions import CHECKING, PERMISSIONS
from strongroom.settings.loading import SOURCE_KINDS
from tests.policy.project import ROOT, python_files, relative, syntax

PAGE = (ROOT / "docs" / "aws.md").read_text(encoding="utf-8")
LISTS = {"strongroom/aws/calls.py", "strongroom/aws/permissions.py"}


def documented(kind: str) -> set[str]:
    """Return every action of the policies in the section of one kind of source."""
    return actions_below(f"### Permissions of a source of kind `{kind}`\n")


def actions_below(heading: str) -> set[str]:
    """Return every action of the policies of a section."""
    assert heading in PAGE, f"docs/aws.md has no section {heading}"
    section = re.split(r"^##", PAGE.partition(heading)[2], maxsplit=1, flags=re.M)[0]
    policies = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", section, flags=re.S)]
    assert policies
    return {action for policy in policies for statement in policy["Statement"] for action in _actions(statement)}


def _actions(statement: dict[str, Any]) -> list[str]:
    assert statement["Effect"] == "Allow"
    action = statement["Action"]
    return [action] if isinstance(action, str) else list(action)


@pytest.mark.parametrize("kind", PERMISSIONS)
def test_the_policies_of_a_kind_are_what_its_calls_need_and_nothing_more(kind: str) -> None:
    assert documented(kind) == PERMISSIONS[kind].all


def test_every_call_belongs_to_a_kind_of_source() -> None:
    listed = {call for kind in PERMISSIONS.values() for call in (*kind.backup, *kind.restore)}
    assert listed | set(CHECKING) == set(AwsCall)
    assert set(PERMISSIONS) <= set(SOURCE_KINDS)


def test_every_call_on_the_list_is_made_and_none_past_it() -> None:
    texts = {relative(path): path.read_text(encoding="utf-8") for path in python_files() if "tests" not in path.parts}
    made = {
        name
        for path, text in texts.items()
        if path not in LISTS and path.startswith("strongroom/")
        for name in re.findall(r"AwsCall\.([A-Z_]+)", text)
    }
    assert made == {call.name for call in AwsCall}


ROOMS = {
    "ebs": ["cloud/ebs.py", "cloud/making.py", "cloud/places.py"],
    "rds": ["cloud/rds.py", "cloud/surveying.py", "cloud/making.py", "cloud/places.py"],
    "s3": ["sources/s3/"],
    "cloudwatch-logs": ["sources/cloudwatch/"],
}


@pytest.mark.parametrize("kind", PERMISSIONS)
def test_a_kind_lists_the_calls_of_its_own_code(kind: str) -> None:
    """A call that another kind lists as well is no excuse."""
    rooms = tuple(f"strongroom/{room}" for room in ROOMS[kind])
    named = set()
    for path in python_files("strongroom"):
        if relative(path).startswith(rooms):
            named |= set(re.findall(r"AwsCall\.([A-Z_]+)", path.read_text(encoding="utf-8")))
    listed = {call.name for call in (*PERMISSIONS[kind].backup, *PERMISSIONS[kind].restore)}
    others = {call.name for other in ("ebs", "rds") for call in PERMISSIONS[other].restore}
    # What makes volumes and what makes databases of snapshots is one file.
    assert listed <= named
    assert named - listed <= (others if kind in {"ebs", "rds"} else set())


def test_calls_are_named_and_never_looked_up() -> None:
    for path in python_files("strongroom"):
        for node in ast.walk(syntax(path)):
            looked_up = node.value if isinstance(node, ast.Subscript) else getattr(node, "func", None)
            assert getattr(looked_up, "id", "") != "AwsCall", f"{relative(path)}:{getattr(node, 'lineno', 0)}"
