"""The page of metrics names each of them as a scrape does, and no other."""

import re

from strongroom.metrics.definitions import METRICS
from tests.policy.project import ROOT

ROW = re.compile(
    r"^\| `(?P<name>strongroom_[a-z_]+)` \| (?P<kind>\w+) \| (?P<labels>.*?) \| (?P<help>.*) \|$", re.MULTILINE
)


def test_the_page_has_every_metric_with_its_kind_labels_and_help():
    page = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    shown = {
        row["name"]: (row["kind"], tuple(re.findall(r"`(\w+)`", row["labels"])), row["help"])
        for row in ROW.finditer(page)
    }

    assert shown == {metric.name: (metric.kind.value, metric.labels, metric.help) for metric in METRICS}


def test_names_have_base_units_and_counters_end_in_total():
    assert [one.name for one in METRICS if (one.kind == "counter") != one.name.endswith("_total")] == []
    assert [
        one.name for one in METRICS if re.search(r"_(ms|milliseconds|minutes|hours|kb|mb|gb|percent)(_|$)", one.name)
    ] == []


def test_no_two_metrics_have_one_name():
    assert len({one.name for one in METRICS}) == len(METRICS)


def test_every_example_of_a_token_that_scrapes_may_scrape():
    pages = [page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("*.md")]
    examples = [line for text in pages for line in re.findall("tokens create .*--kind exporter.*", text)]

    assert len(examples) > 2
    assert [line for line in examples if "--grant read:metrics" not in line] == []
