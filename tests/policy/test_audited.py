"""Every operation that does more than read is in the sweep over the audit log; no catalog is opened past the log."""

import ast
import re

from strongroom.access.operation import Gravity
from strongroom.access.operations import OPERATIONS
from tests.integration.api.acts_done import ROUTES
from tests.integration.cli.acts_done import COMMANDS
from tests.policy.project import ROOT, python_files, relative, syntax

CLI = "cli: "
PAGE = ROOT / "docs" / "audit.md"
FOLDERS = ("strongroom", "api", "worker", "tasks", "stack")
_LISTED = re.compile(r"^\| `([a-z_/]+\.py)` \|", re.M)


def acts() -> set[str]:
    """Return every operation that does something, and is no verb of a step-up: those are asked for by the others."""
    return {name for name, one in OPERATIONS.items() if one.gravity is not Gravity.READ and " " in name}


def test_the_sweep_has_every_operation_that_does_more_than_read():
    swept = {*ROUTES, *(CLI + name for name in COMMANDS)}

    assert acts() - swept == set(), "Add these to acts_done.py in tests/integration/api or tests/integration/cli"
    assert swept - acts() == set(), "There are no such operations, or they only read"


def bare_catalogs() -> set[str]:
    """Return the files that open a catalog by themselves, so that its changes leave no row."""
    found = set()
    for folder in FOLDERS:
        for path in python_files(folder):
            calls = (node for node in ast.walk(syntax(path)) if isinstance(node, ast.Call))
            if any(ast.unparse(call.func) == "Catalog" for call in calls):
                found.add(relative(path))
    return found


def test_catalogs_without_an_audit_trail_are_those_of_the_list():
    listed = set(_LISTED.findall(PAGE.read_text(encoding="utf-8")))

    assert bare_catalogs() - listed == set(), "Open it by strongroom.runtime, or say in docs/audit.md why not"
    assert listed - bare_catalogs() == set(), "These open no catalog of their own"
