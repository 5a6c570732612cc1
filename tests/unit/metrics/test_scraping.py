"""A scrape answers, whatever the catalog does."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client.core import Metric

from strongroom.catalog.errors import CatalogUnavailableError
from strongroom.clock import SystemClock
from strongroom.metrics.definition import gauge
from strongroom.metrics.scraping import Scraper

FOUND = gauge("found", "What was found.")


def value(families: list[Metric], name: str) -> float | None:
    values = [sample.value for family in families for sample in family.samples if sample.name == f"strongroom_{name}"]
    return values[0] if values else None


def test_a_catalog_that_answers_is_up():
    scraped = Scraper(lambda: [FOUND.one(7.0)], SystemClock()).scrape()

    assert (value(scraped, "up"), value(scraped, "found")) == (1, 7)
    assert value(scraped, "scrape_duration_seconds") is not None


def test_a_catalog_that_is_away_is_down():
    def away() -> list[Metric]:
        raise CatalogUnavailableError("Away.", next_step="Start it.")

    failed: list[None] = []
    scraper = Scraper(away, SystemClock(), failed=lambda: failed.append(None))
    scraper.scrape()

    assert value(scraper.scrape(), "up") == 0
    assert len(failed) == 2


def test_a_catalog_that_hangs_is_down_and_keeps_one_thread():
    released, reads = threading.Event(), []

    def hang() -> list[Metric]:
        reads.append(None)
        released.wait()
        return [FOUND.one(7.0)]

    scraper = Scraper(hang, SystemClock(), patience=0.05)
    answers = [scraper.scrape() for _ in range(3)]
    released.set()

    assert [value(answer, "up") for answer in answers] == [0, 0, 0]
    assert len(reads) == 1


def test_those_who_come_at_once_share_one_look():
    begun, released, reads = threading.Event(), threading.Event(), []

    def read() -> list[Metric]:
        reads.append(None)
        begun.set()
        released.wait()
        return [FOUND.one(7.0)]

    scraper = Scraper(read, SystemClock(), patience=60)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(scraper.scrape)
        begun.wait()
        # It finds the look that is under way, which ends only after it has begun.
        second = scraper._begin()
        released.set()
        assert value(first.result(), "found") == 7
        assert second.result().families
    assert len(reads) == 1


def test_a_fault_of_ours_is_not_taken_for_one_of_the_catalog():
    def fail() -> list[Metric]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Scraper(fail, SystemClock()).scrape()
