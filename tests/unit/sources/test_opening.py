"""A source is opened by what its settings say it is, and nothing is touched before it is read."""

import pytest

from strongroom.settings import FilesSourceSettings, LogsSourceSettings, PostgresSourceSettings
from strongroom.sources.files.source import FilesSource
from strongroom.sources.opening import open_source
from strongroom.sources.postgres.source import PostgresSource


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        (FilesSourceSettings(name="files", path="/no/such/place"), FilesSource),
        (LogsSourceSettings(name="logs", path="/no/such/place"), FilesSource),
        (PostgresSourceSettings(name="shop", host="nowhere.invalid", dbname="shop", user="backup"), PostgresSource),
    ],
    ids=["files", "logs", "postgres"],
)
def test_the_kind_decides_and_nothing_is_opened_yet(settings, kind, tmp_path):
    assert isinstance(open_source(settings, tmp_path / "scratch"), kind)
    assert list(tmp_path.iterdir()) == []
