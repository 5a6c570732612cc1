"""An installation whose database and directory are exported."""

import os
from dataclasses import dataclass
from pathlib import Path

from strongroom.cli.main import main
from strongroom.testing.postgres import ScratchPostgres

ROWS = 500
CANARY = "a sentence that must be found in no export"
CONFIGURATION = """
[sources.shop]
kind = "postgres"
host = "{host}"
port = {port}
dbname = "{dbname}"
user = "{user}"
password_env = "SHOP_PASSWORD"

[sources.uploads]
kind = "files"
path = "uploads"
"""


@dataclass
class Place:
    """An installation with a database and a directory, and its exports below `exports`."""

    directory: Path
    server: ScratchPostgres
    dbname: str

    @property
    def config(self) -> Path:
        return self.directory / "strongroom.toml"

    @property
    def uploads(self) -> Path:
        return self.directory / "uploads"

    @property
    def exports(self) -> Path:
        return self.directory / "exports"

    def call(self, *words: str) -> int:
        return main((*words, "--config", str(self.config)))

    def rows(self, dbname: str) -> int:
        with self.server.connect(dbname) as connection:
            found = connection.execute("SELECT count(*) FROM letters").fetchone()
        assert found
        return int(found[0])

    def databases(self) -> set[str]:
        with self.server.connect() as connection:
            return {row[0] for row in connection.execute("SELECT datname FROM pg_database")}


def uploads(place: Place) -> None:
    place.uploads.mkdir()
    (place.uploads / "letter.txt").write_text(CANARY)
    (place.uploads / "deep").mkdir()
    (place.uploads / "deep" / "picture").write_bytes(os.urandom(200_000))


def database(place: Place) -> None:
    server = place.server
    server.create_database(place.dbname)
    with server.connect(place.dbname) as connection:
        connection.execute("CREATE TABLE letters (id int PRIMARY KEY, body text)")
        connection.execute("INSERT INTO letters SELECT n, %s FROM generate_series(1, %s) n", (CANARY, ROWS))
    with place.config.open("a") as file:
        file.write(CONFIGURATION.format(host=server.host, port=server.port, dbname=place.dbname, user=server.user))
