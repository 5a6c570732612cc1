"""The installation that the runbook is tried on: every process, three regions, a tree, a database, a channel."""

import json
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strongroom.testing.postgres import ScratchPostgres
from tests.e2e.databases import make_database
from tests.e2e.deployment import Deployment, deployed
from tests.e2e.pages.blocks import Block
from tests.e2e.pages.shell import Shell, opened_shell
from tests.services.loud import Ear
from tests.services.proxy import TcpProxy
from tests.services.valkey import Valkey

PASSWORD = "correct horse battery staple"
REGIONS = ("eu-west-1", "us-east-1", "ap-southeast-1")
CONFIGURATION = """
[regions.eu-west-1]
home = true
path = "regions/eu-west-1"
[regions.us-east-1]
path = "regions/us-east-1"
[regions.ap-southeast-1]
path = "regions/ap-southeast-1"

[sources.uploads]
kind = "files"
path = "uploads"

[sources.shop]
kind = "postgres"
host = "{host}"
port = {port}
dbname = "{dbname}"
user = "{user}"
password_env = "SHOP_PASSWORD"
globals = true

[alerts]
private_networks = ["127.0.0.1/32"]
[channels.hook]
kind = "webhook"
url = "{ear}"
secret_env = "HOOK_SECRET"
"""
BROKEN = """
[sources.broken]
kind = "files"
path = "nowhere"
"""


OPEN_AGAIN = "UPDATE alert SET state = 'open', resolved_at = NULL, acknowledged_at = NULL, since = now() WHERE id = %s"


@dataclass
class Place:
    """An installation with its parts, a shell in it, and what the capitals of the page stand for."""

    deployment: Deployment
    shell: Shell
    environment: dict[str, str]
    proxy: TcpProxy
    valkey: Valkey
    server: ScratchPostgres
    ear: Ear
    catalog: str
    database: str
    names: dict[str, str]

    @property
    def directory(self) -> Path:
        """Where the installation is."""
        return self.deployment.directory

    def call(self, command: str, ends_with: int = 0) -> str:
        """Run commands of the set-up in the shell, and return what they print."""
        done = self.shell.execute(command, typed=typed())
        assert done.returncode == ends_with, f"{command} ended with {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout

    def document(self, command: str, ends_with: int = 0) -> Any:
        """Run one command and return the last JSON line, or the document, that it prints."""
        out = self.call(f"{command} --json", ends_with)
        try:
            return json.loads(out)
        except json.JSONDecodeError:
            return json.loads(out.splitlines()[-1])

    def run(self, block: Block, names: Mapping[str, str]) -> list[str]:
        """Run a block of the page; returns what did not end as the page says."""
        return self.shell.run(block, {**self.names, **names}, typed=typed())

    def fail_a_backup(self) -> str:
        """Have a backup fail for good, and return the id of the alert that this opens."""
        with self.more_settings(BROKEN):
            self.call("strongroom backup run broken --here", ends_with=10)
        return str(self.document("strongroom alerts list")["items"][0]["id"])

    @contextmanager
    def more_settings(self, text: str) -> Iterator[None]:
        """Add to the settings that commands read; the processes began without."""
        config = self.deployment.config
        before = config.read_text()
        config.write_text(before + text)
        try:
            yield
        finally:
            config.write_text(before)

    def calm(self) -> None:
        """End every alert that is open, as time does."""
        with self.server.connect(self.catalog) as connection:
            connection.execute("UPDATE alert SET state = 'resolved', resolved_at = now() WHERE state <> 'resolved'")

    def alert_again(self) -> str:
        """Have the alert of the failed backup open once more, and return its id."""
        with self.server.connect(self.catalog) as connection:
            connection.execute(OPEN_AGAIN, (self.names["ALERT"],))
        return self.names["ALERT"]


def typed() -> str:
    """Return what is typed where a command asks: a password, twice."""
    return f"{PASSWORD}\n{PASSWORD}\n"


@contextmanager
def installed(directory: Path, valkey: Valkey, server: ScratchPostgres, catalog_url: str, ear: Ear) -> Iterator[Place]:
    """Run the installation, with a first backup of everything in all regions."""
    database = f"shop_{uuid.uuid4().hex[:12]}"
    make_database(server, database, rows=200)
    uploads = directory / "uploads"
    uploads.mkdir()
    (uploads / "letter.txt").write_text("Dear reader")
    (uploads / "picture").write_bytes(os.urandom(200_000))
    proxy = TcpProxy(catalog_url)
    proxy.start()
    environment = {
        "STRONGROOM_BROKER_URL": valkey.url,
        "STRONGROOM_CATALOG_URL": proxy.url,
        "SHOP_PASSWORD": server.password,
        "HOOK_SECRET": "the-secret-of-the-hook",
        **_libpq(server, proxy, catalog_url),
    }
    where = {"host": server.host, "port": server.port, "user": server.user, "dbname": database, "ear": ear.url}
    try:
        with deployed(
            directory, CONFIGURATION.format(**where), environment, beat="tests.e2e.pages.quick_beat"
        ) as running:
            running.start_process("watch", "strongroom", "watch")
            variables = {**running.variables, "API": str(running.client.base_url).rstrip("/")}
            # The programs of the server's own version stand before older ones of the machine.
            programs = str(server.toolset.program("pg_dump").parent)
            variables["PATH"] = f"{programs}:{os.environ['PATH']}"
            with opened_shell(directory, variables) as shell:
                catalog = environment["PGDATABASE"]
                place = Place(running, shell, variables, proxy, valkey, server, ear, catalog, database, {})
                _prepare(place)
                yield place
    finally:
        proxy.close()
        server.drop_database(database)


def _libpq(server: ScratchPostgres, proxy: TcpProxy, catalog_url: str) -> dict[str, str]:
    name = catalog_url.rpartition("/")[2]
    address = {"PGHOST": "127.0.0.1", "PGPORT": str(proxy.port), "PGUSER": server.user, "PGDATABASE": name}
    # In the place of ~/.pgpass, which belongs to whoever runs the tests.
    return address | {"PGPASSWORD": server.password}


def _prepare(place: Place) -> None:
    for source in ("uploads", "shop"):
        place.deployment.await_protected(place.deployment.back_up(source))
    place.call("strongroom accounts add ana --role admin")
    place.call("strongroom tokens create nightly --kind ci --grant run > token")
    place.names.update(
        ALERT=place.fail_a_backup(),
        JOB=place.document("strongroom jobs list --state failed --limit 1")["items"][0]["id"],
        SOURCE="uploads",
        DATABASE="shop",
        NEW_DATABASE=f"{place.database}_new",
        REGION="us-east-1",
        PAIR="pair",
        PEER="porto",
        OPERATOR="ana",
        CHANNEL="hook",
        TOKEN="nightly",
        VOLUMES="volumes",
        ADDRESS=place.environment["API"],
        LOGS="*.log",
        REQUEST="req-4711",
        TRACE=place.document("strongroom jobs list --limit 1")["items"][0]["trace_id"],
    )
    place.calm()
