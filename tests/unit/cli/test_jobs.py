"""What people read about a job."""

from typing import Any

import pytest

from strongroom.cli.jobs import describe_args

RESTORE = {
    "backup": "0197f3c2",
    "region": None,
    "target": {"kind": "postgres", "server": "crm", "dbname": "shop"},
    "overwrite": True,
    "selection": {"paths": [], "include": [], "exclude": []},
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "backup 0197f3c2, target postgres crm shop, overwrite"),
        ({"overwrite": False}, "backup 0197f3c2, target postgres crm shop"),
        ({"selection": {"paths": ["a", "b"]}}, "backup 0197f3c2, target postgres crm shop, overwrite, selection a, b"),
        ({"number": 0}, "backup 0197f3c2, target postgres crm shop, overwrite, number 0"),
    ],
)
def test_what_was_not_asked_for_is_not_said(changes: dict[str, Any], said: str) -> None:
    assert describe_args(RESTORE | changes) == said
