"""An installation, and the verbs that tests of drills are written in."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from strongroom.alerts.opening import AlertType, Severity
from strongroom.catalog.alerts import Alert, AlertState
from strongroom.catalog.drills import Drill, get_drill
from strongroom.catalog.jobs import Job
from strongroom.drills.requests import DrillRequest, request_drill
from strongroom.services import Services
from strongroom.testing.postgres import ScratchPostgres
from tests.integration.backup.conftest import TRACE, House


class DrillHall:
    """An installation whose drills restore into a directory that a test can look into."""

    def __init__(self, house: House, place: Path) -> None:
        self.house = house
        self.place = place
        self._in_place = f'\n[drills]\ndirectory = "{place}"\n'
        house.configure(self._in_place)

    def ask(self, source: str = "tree", *, backup: Job | None = None, region: str | None = None) -> Job:
        """Queue a drill and return its job."""
        wanted = None if backup is None else str(backup.id)
        drill = request_drill(self.house.services, DrillRequest(source, TRACE, wanted, region))
        return self.house.services.ledger.get(drill.id)

    def hold(
        self,
        source: str = "tree",
        *,
        backup: Job | None = None,
        region: str | None = None,
        services: Services | None = None,
    ) -> Job:
        """Hold a drill and return its job."""
        return self.house.run(self.ask(source, backup=backup, region=region), services)

    def drill(self, job: Job) -> Drill:
        """Return what the catalog says of a drill."""
        with self.house.services.catalog.read() as session:
            return get_drill(session, job.id)

    def alerts(self) -> list[tuple[AlertType, Severity, str, str | None]]:
        """Return the alerts that are open: type, severity, cause, region."""
        with self.house.services.catalog.read() as session:
            open_ones = session.query(Alert).where(Alert.state != AlertState.RESOLVED).order_by(Alert.id)
            return [(a.type, a.severity, a.cause, a.region) for a in open_ones]

    def left(self) -> list[Path]:
        """Return what drills have left in their place."""
        return sorted(self.place.glob("*"))

    def serve(self, server: ScratchPostgres, database: str, more: str = "") -> None:
        """Configure the source `shop`, a database of a server."""
        keys = {"kind": "postgres", "host": server.host, "port": server.port, "user": server.user, "dbname": database}
        lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
        text = "\n".join(["[sources.shop]", *lines, 'password_env = "SHOP_PASSWORD"', more])
        self.house.configure(self._in_place + text, SHOP_PASSWORD=server.password)

    def add(self, text: str, **secrets: str) -> None:
        """Configure a source besides the tree."""
        self.house.configure(self._in_place + text, **secrets)

    def back_up_shop(self) -> Job:
        """Back the database up and copy it to every region."""
        job = self.house.run(self.house.request("shop"))
        assert job.state == "succeeded", job.last_error
        self.house.copy()
        return job


@pytest.fixture
def hall(tmp_path: Path, sqlite_catalog_url: str) -> Iterator[DrillHall]:
    """A new installation with the embedded catalog."""
    house = House(tmp_path, sqlite_catalog_url)
    house.found()
    # The account that a scratch server of root runs as cannot pass through the tests' own directory.
    with tempfile.TemporaryDirectory(prefix="drills-") as place:
        Path(place).chmod(0o711)
        yield DrillHall(house, Path(place))
    house.close()
