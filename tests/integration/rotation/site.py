"""An installation beside an application: a catalog, a ring, a database with an encrypted column."""

import dataclasses
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from strongroom.catalog.jobs import Job
from strongroom.catalog.reencryption import QuarantinedRow, ReencryptionJob
from strongroom.columnkeys.ring import KeyRing
from strongroom.columns.place import Binding
from strongroom.jobs.runner import run_job
from strongroom.keyring.key_file import KeyFile
from strongroom.rotation.campaigns import (
    ReencryptionRequest,
    get_reencryption,
    open_jobs_of,
    request_reencryption,
)
from strongroom.rotation.connecting import open_database
from strongroom.rotation.pace import Pace
from strongroom.rotation.quarantine import list_quarantined
from strongroom.runtime import HANDLERS, build_runtime
from strongroom.settings import load_settings
from tests.integration.rotation.tables import Application, keys, ring

TRACE = "0" * 32
SMALL = Pace(batch_size=10, commit_every=20, parallel=2)
CONFIGURATION = """
[regions.home]
path = "region"
[databases.shop]
url_env = "SHOP_URL"
app = "shop"
"""


class Site:
    """The installation and its application."""

    def __init__(self, folder: Path, catalog_url: str, application_url: str) -> None:
        self.folder = folder
        (folder / "strongroom.toml").write_text(CONFIGURATION)
        if not (folder / "strongroom.keys").exists():
            KeyFile.create(folder / "strongroom.keys", ["home"])
        self.environment = {"STRONGROOM_CATALOG_URL": catalog_url, "SHOP_URL": application_url}
        self.runtime = build_runtime(load_settings(folder / "strongroom.toml", self.environment))
        self.ring = ring("v1")
        self.services = dataclasses.replace(self.runtime.services(), open_ring=self._open_ring)
        self.engine: Engine = open_database(self.runtime.settings.get_database("shop"))

    @classmethod
    def opened(cls, folder: Path) -> "Site":
        """Open an installation again in another process, which got the environment; its ring writes v2."""
        site = cls(folder, os.environ["STRONGROOM_CATALOG_URL"], os.environ["SHOP_URL"])
        site.ring = ring("v2")
        return site

    def _open_ring(self) -> KeyRing:
        return self.ring

    def close(self) -> None:
        """Close what was opened."""
        self.engine.dispose()
        self.runtime.close()

    def found(self, rows: int = 0, kind: str = "number", binding: Binding = Binding.COLUMN) -> Application:
        """Create a table with rows under v1, and rotate the ring to v2."""
        application = Application.make(self.engine, kind, binding)
        if rows:
            application.fill(keys(kind, rows), application.cipher(ring("v1")))
        self.ring = ring("v2")
        return application

    def request(self, application: Application, pace: Pace = SMALL, *, dry_run: bool = False) -> int:
        """Ask for a re-encryption and return its number."""
        wish = ReencryptionRequest(application.target, pace, TRACE, dry_run=dry_run)
        return request_reencryption(self.services, wish).id

    def job(self, number: int) -> ReencryptionJob:
        """Return a re-encryption as it stands."""
        with self.services.catalog.begin() as session:
            return get_reencryption(session, number)

    def run(self, number: int) -> ReencryptionJob:
        """Run every job of a re-encryption until none is left or one does not get on."""
        while left := open_jobs_of(self.services, number):
            if self.run_job(left[0]).state != "succeeded":
                break
        return self.job(number)

    def run_job(self, job_id: Any) -> Job:
        """Run one attempt of a job of the ledger."""
        ledger = self.services.ledger
        handler = HANDLERS[ledger.get(job_id).kind]
        run_job(ledger, job_id, partial(handler, self.services), owner="test")
        return ledger.get(job_id)

    def quarantine(self) -> Sequence[QuarantinedRow]:
        """Return the quarantined rows."""
        with self.services.catalog.read() as session:
            return list_quarantined(session)
