"""`strongroom trace` as an operator uses it."""

import json

from tests.integration.cli.conftest import Run

NOT_FOUND, USAGE = 10, 2


def test_the_story_of_a_backup_is_told_for_people_and_for_programs(installed: Run, backed_up: str):
    trace_id = json.loads(installed("jobs", "show", backed_up, "--json")[1])["trace_id"]

    code, text, _ = installed("trace", trace_id)
    document = json.loads(installed("trace", trace_id, "--json")[1])

    assert code == 0
    assert text.startswith(f"Trace {trace_id}\n")
    kinds = [event["kind"] for event in document["events"]]
    assert kinds[0] == "request"
    assert {"job", "audit", "attempt", "object", "copy"} <= set(kinds)
    assert document["events"] == sorted(document["events"], key=lambda event: event["at"])
    assert all(event["what"] in text for event in document["events"])


def test_an_id_that_leads_nowhere_ends_with_a_code_of_its_own(installed: Run):
    assert installed("trace", "0" * 31 + "1")[0] == NOT_FOUND
    assert installed("trace", "nonsense")[0] == USAGE
