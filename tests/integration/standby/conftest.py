"""The installation that the tests of backups use."""

from tests.integration.backup.conftest import small_house

__all__ = ["small_house"]
