"""Two sites whose faces run as processes, on a PostgreSQL server and brokers that a test may stop."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from strongroom.testing.postgres import ScratchPostgres
from strongroom.tree.mark import ROWS_STAY_OUT
from tests.e2e.providers import FACES, SITES, KeyProvider, key_from, made_pair
from tests.services.ports import ReservedPort
from tests.services.valkey import Valkey


@dataclass
class Town:
    """Lisbon and Porto, without workers; Porto has one more process of the face for encryptors, at `another` port.

    `databases` holds the name of each site's catalog.
    """

    lisbon: KeyProvider
    porto: KeyProvider
    another: int
    postgres: ScratchPostgres
    valkey: Mapping[str, Valkey]
    databases: dict[str, str]

    def give(self) -> Mapping[str, str]:
        """Return a key that an encryptor is given in Lisbon."""
        with self.lisbon.encryptor() as here:
            return key_from(here.get("/key", params=asking(self.porto)))

    def fetch(self, key_id: str, port: int | None = None) -> httpx.Response:
        """Ask for a key of Lisbon in Porto."""
        with self.porto.encryptor(port) as there:
            return there.get(f"/key/{key_id}", params=asking(self.lisbon))

    def can_take(self) -> bool:
        """Say whether Porto takes a key that it is sent now: no pool has one of this size."""
        with self.lisbon.encryptor() as here:
            return here.get("/key", params=asking(self.porto, "192")).status_code == 200

    def unspent(self, site: str) -> set[str]:
        """Return the ids of the keys that a site could still give."""
        with self.postgres.connect(self.databases[site]) as connection:
            return {str(row[0]) for row in connection.execute("SELECT key_id FROM skip_unspent")}

    def pooled(self) -> set[str]:
        """Return the ids of the keys that Lisbon has in stock and Porto has confirmed."""
        stock = "SELECT key_id FROM skip_unspent WHERE state = 'synced' AND size_bits = 256"
        with self.postgres.connect(self.databases["lisbon"]) as connection:
            return {str(row[0]) for row in connection.execute(stock)}

    @contextmanager
    def commits_that_wait(self) -> Iterator[None]:
        """Have every commit wait, after it is on disk, for a standby that there is not."""
        self._set_standby("nobody")
        try:
            yield
        finally:
            self._set_standby("")

    def spends_and_waits(self) -> bool:
        """Say whether the end of a key is on disk, and who asked for it was not told yet."""
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        with self.postgres.connect() as connection:
            return bool(
                connection.execute(f"{waiting} AND query LIKE '%DELETE FROM skip_unspent%'".encode()).fetchall()
            )

    def plant(self, site: str, key: str) -> None:
        """Write the bytes of a key where they may never be: in a table of the catalog, and in one with the mark."""
        with self.postgres.connect(self.databases[site]) as connection:
            for name in ("planted", "planted_and_marked"):
                connection.execute(f"CREATE TABLE {name} (key bytea)".encode())
                connection.execute(f"INSERT INTO {name} VALUES (%s)".encode(), [bytes.fromhex(key)])
            connection.execute(f"COMMENT ON TABLE planted_and_marked IS '{ROWS_STAY_OUT}'".encode())

    def move_porto(self, database: str) -> None:
        """Have Porto start anew with another database as its catalog."""
        for name in ("encryptor", "encryptor-2", "peer"):
            self.porto.kill(name)
        self.databases["porto"] = database
        self.porto.environment = {**self.porto.environment, "STRONGROOM_CATALOG_URL": self.postgres.url(database)}
        self.porto.start_faces()
        self.porto.start_another_face(self.another)

    def _set_standby(self, name: str) -> None:
        with self.postgres.connect() as connection:
            connection.execute("SET synchronous_commit = 'local'")
            connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'".encode())
            connection.execute("SELECT pg_reload_conf()")


def asking(remote: KeyProvider, size: str | None = None) -> dict[str, str]:
    """Return the query for a key that is shared with a site."""
    return {"remoteSystemID": remote.system_id, **({"size": size} if size else {})}


@contextmanager
def open_town(directory: Path, start_valkey: Callable[[], Valkey], *, source: str) -> Iterator[Town]:
    """Run both sites for the length of a block; `source` is added to the settings of Porto, its server filled in."""
    with ExitStack() as stack:
        server = stack.enter_context(ScratchPostgres())
        valkey = {site: start_valkey() for site in SITES}
        for site in SITES:
            server.create_database(site)
        environments = [_environment(server, site, valkey[site]) for site in SITES]
        pair = stack.enter_context(made_pair(directory, environments, "--psk-encryptor", "lisbon=fw-psk"))
        about = {"host": server.host, "port": server.port, "user": server.user, "dbname": SITES[1]}
        pair[1].config.write_text(pair[1].config.read_text() + source.format(**about))
        another = ReservedPort()
        stack.callback(another.release)
        _start(pair)
        pair[1].start_another_face(another.number)
        yield Town(*pair, another.number, server, valkey, {site: site for site in SITES})


def _environment(server: ScratchPostgres, site: str, valkey: Valkey) -> dict[str, str]:
    return {
        "STRONGROOM_CATALOG_URL": server.url(site),
        "STRONGROOM_BROKER_URL": valkey.url,
        "CATALOG_PASSWORD": server.password,
    }


def _start(pair: tuple[KeyProvider, KeyProvider]) -> None:
    for site in pair:
        site.join()
        for face in FACES:
            site.start_process(face, "api", face)
    for site in pair:
        site.await_faces()
