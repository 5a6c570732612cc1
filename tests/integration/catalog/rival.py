"""A process that upgrades the catalog at the same time as others."""

from typing import Any

from strongroom.catalog.engine import open_engine
from strongroom.catalog.schema import upgrade, verify_schema


def upgrade_now(start: Any, url: str) -> None:
    engine = open_engine(url)
    start.wait()
    upgrade(engine)
    verify_schema(engine)
    engine.dispose()
