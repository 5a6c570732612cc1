"""The installation that the tests of backups use."""

from tests.integration.backup.conftest import house, small_house

__all__ = ["house", "small_house"]
