"""A repository in memory for every test that asks for one."""

import pytest

from tests.unit.repository.room import Room


@pytest.fixture
def room() -> Room:
    return Room()
